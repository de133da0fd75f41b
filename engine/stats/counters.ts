import { type NoBidReason, noBidReasonList } from '../../core/reasons.ts';
import type { Tally } from '../auction/auction.ts';
import type { Line } from '../catalog/line.ts';
import { createHistogram, type Histogram, recordUs } from './histogram.ts';

const reasonIndex = Object.fromEntries(noBidReasonList.map((reason, i) => [reason, i])) as Record<NoBidReason, number>;

export interface LineCounts {
  readonly lineItemId: number;
  readonly campaignId: number;
  matched: number;
  bids: number;
  bidNanos: number;
  /** By index of `noBidReasonList`. */
  readonly reasons: Int32Array<ArrayBuffer>;
}

/** What one bid thread counted since it last reported. Plain data: it crosses to the main thread. */
export interface ThreadCounts {
  requests: number;
  answered: number;
  errors: number;
  bids: number;
  readonly noBids: Int32Array<ArrayBuffer>;
  readonly latency: Histogram;
  /** Refusals of requests that are no no-bids, by their code: `bad_gzip`, `forged`, … */
  readonly codes: Map<string, number>;
  lines: LineCounts[];
}

/** Counters of one bid thread. */
export interface Counters extends Tally {
  request(): void;
  answered(latencyUs: number): void;
  noBid(reason: NoBidReason, latencyUs: number): void;
  /** An answer of 4xx or 5xx on the bid endpoint. */
  error(code: string): void;
  /** Anything else worth counting by a code. */
  code(code: string): void;
  /** What was counted since the last call. */
  take(): ThreadCounts;
}

function emptyCounts(): ThreadCounts {
  return {
    requests: 0,
    answered: 0,
    errors: 0,
    bids: 0,
    noBids: new Int32Array(noBidReasonList.length),
    latency: createHistogram(),
    codes: new Map(),
    lines: [],
  };
}

export function createCounters(): Counters {
  let counts = emptyCounts();
  let bySlot: (LineCounts | undefined)[] = [];

  function of(line: Line): LineCounts {
    let found = bySlot[line.slot];
    if (found === undefined || found.lineItemId !== line.item.id) {
      found = {
        lineItemId: line.item.id,
        campaignId: line.campaign.id,
        matched: 0,
        bids: 0,
        bidNanos: 0,
        reasons: new Int32Array(noBidReasonList.length),
      };
      bySlot[line.slot] = found;
      counts.lines.push(found);
    }
    return found;
  }

  function code(name: string): void {
    counts.codes.set(name, (counts.codes.get(name) ?? 0) + 1);
  }

  return {
    request() {
      counts.requests++;
    },
    answered(latencyUs) {
      counts.answered++;
      recordUs(counts.latency, latencyUs);
    },
    noBid(reason, latencyUs) {
      const at = reasonIndex[reason];
      counts.noBids[at] = counts.noBids[at]! + 1;
      recordUs(counts.latency, latencyUs);
    },
    error(name) {
      counts.errors++;
      code(name);
    },
    code,
    matched(line) {
      of(line).matched++;
    },
    refused(line, reason) {
      const { reasons } = of(line);
      const at = reasonIndex[reason];
      reasons[at] = reasons[at]! + 1;
    },
    bid(line, nanos) {
      const found = of(line);
      found.bids++;
      found.bidNanos += nanos;
      counts.bids++;
    },
    take() {
      const taken = counts;
      counts = emptyCounts();
      bySlot = [];
      return taken;
    },
  };
}
