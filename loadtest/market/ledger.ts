import { closeSync, existsSync, openSync, readSync, writeSync } from 'node:fs';
import type { Nanos } from '../../core/money.ts';

/** Milestones of a video or audio ad, as VAST 4.2 §3.14.1 names them, in the order they are reached. */
export const playbackKinds = ['start', 'firstQuartile', 'midpoint', 'thirdQuartile', 'complete'] as const;

/** Notices and beacons the ledger keeps. */
export const noticeKinds = ['win', 'bill', 'loss', 'impression', 'click', 'conversion', ...playbackKinds] as const;
export type NoticeKind = (typeof noticeKinds)[number];

/** How sending a notice ended. `refused`: the server answered with 4xx, so it must not count. */
export type NoticeEnd = 'acknowledged' | 'refused' | 'given_up';

/** One notice as it is about to be sent. */
export interface LedgerNotice {
  readonly kind: NoticeKind;
  readonly campaign: string;
  readonly creative: string;
  readonly bidId: string;
  /** Clearing price, for win, bill and impression. */
  readonly priceNanos: Nanos;
  /** Whether this notice is the one that bills the bid. */
  readonly billing: boolean;
  /** Sent by a declared robot: a correct server does not count it. */
  readonly bot: boolean;
}

/** What was really sent for one campaign. */
export interface CampaignTruth {
  bids: number;
  /** Notices by how they ended; `uncertain` were sent and never acknowledged, so they may or may not count. */
  readonly counts: Record<NoticeKind, { acknowledged: number; refused: number; uncertain: number; bot: number }>;
  spendNanos: bigint;
  uncertainSpendNanos: bigint;
}
export type Truth = Map<string, CampaignTruth>;

/**
 * The ledger of truth: an append-only file of JSON lines. A notice is written before it is sent and its end afterwards,
 * so that whatever is killed, the file says what the server has seen, and what it may have seen.
 */
export interface Ledger {
  /** Counts a bid; written in sums. */
  bid(campaign: string): void;
  /** Writes a notice. Not durable until `flush`. @returns its number */
  write(notice: LedgerNotice): number;
  end(sequence: number, end: NoticeEnd): void;
  /** Hands everything written to the operating system: must be called before sending. */
  flush(): void;
  /** Totals so far, from memory. */
  readonly truth: Truth;
  readonly pending: number;
  close(): void;
}

/** @param path a new or existing file; null keeps totals in memory only */
export function createLedger(path: string | null): Ledger {
  const file = path === null ? null : openSync(path, 'a');
  const tally = createTally();
  let sequence = 0;
  let buffered = '';
  let bids: Record<string, number> = {};
  let bidCount = 0;

  const add = (entry: Entry): void => {
    tally.add(entry);
    if (file !== null) buffered += `${JSON.stringify(entry)}\n`;
  };
  const addBids = (): void => {
    for (const [campaign, count] of Object.entries(bids)) add({ t: 'bids', c: campaign, n: count });
    bids = {};
    bidCount = 0;
  };
  const flush = (): void => {
    if (file === null || buffered === '') return;
    const bytes = Buffer.from(buffered);
    buffered = '';
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  };
  return {
    bid(campaign) {
      bids[campaign] = (bids[campaign] ?? 0) + 1;
      bidCount += 1;
      if (bidCount >= 1000) addBids();
    },
    write(notice) {
      sequence += 1;
      add({
        t: notice.kind,
        s: sequence,
        c: notice.campaign,
        r: notice.creative,
        b: notice.bidId,
        p: notice.priceNanos,
        ...(notice.billing ? { $: 1 } : {}),
        ...(notice.bot ? { x: 1 } : {}),
      });
      return sequence;
    },
    end: (number, how) => add({ t: 'end', s: number, e: how }),
    flush,
    get truth() {
      addBids();
      return tally.truth;
    },
    get pending() {
      return tally.open.size;
    },
    close() {
      addBids();
      flush();
      if (file !== null) closeSync(file);
    },
  };
}

interface NoticeEntry {
  readonly t: NoticeKind;
  readonly s: number;
  readonly c: string;
  readonly r: string;
  readonly b: string;
  readonly p: number;
  readonly $?: number;
  readonly x?: number;
}
type Entry =
  | NoticeEntry
  | { readonly t: 'bids'; readonly c: string; readonly n: number }
  | { readonly t: 'end'; readonly s: number; readonly e: NoticeEnd };

/** Adds up ledger files, one after another, in bounded memory: only notices without an end are held. */
export function readLedger(paths: readonly string[]): Truth {
  const truth: Truth = new Map();
  for (const path of paths) {
    if (!existsSync(path)) continue;
    const tally = createTally();
    for (const line of lines(path)) {
      try {
        tally.add(JSON.parse(line) as Entry);
      } catch {
        // The last line of a killed writer may be cut: its notice was not sent, because lines are written first.
      }
    }
    mergeTruth(truth, tally.truth);
  }
  return truth;
}

export function mergeTruth(to: Truth, from: Truth): void {
  for (const [campaign, part] of from) {
    const sum = truthOf(to, campaign);
    sum.bids += part.bids;
    sum.spendNanos += part.spendNanos;
    sum.uncertainSpendNanos += part.uncertainSpendNanos;
    for (const kind of noticeKinds) {
      for (const end of ['acknowledged', 'refused', 'uncertain', 'bot'] as const) {
        sum.counts[kind][end] += part.counts[kind][end];
      }
    }
  }
}

function createTally(): { readonly truth: Truth; readonly open: Map<number, NoticeEntry>; add(entry: Entry): void } {
  const truth: Truth = new Map();
  const open = new Map<number, NoticeEntry>();
  return {
    truth,
    open,
    add(entry) {
      if (entry.t === 'bids') {
        truthOf(truth, entry.c).bids += entry.n;
      } else if (entry.t === 'end') {
        const notice = open.get(entry.s);
        if (notice === undefined) return;
        open.delete(entry.s);
        settle(truthOf(truth, notice.c), notice, entry.e);
      } else {
        open.set(entry.s, entry);
        const sum = truthOf(truth, entry.c);
        sum.counts[entry.t].uncertain += 1;
        if (entry.$ === 1 && entry.x !== 1) sum.uncertainSpendNanos += BigInt(entry.p);
      }
    },
  };
}

/** A notice has ended: until now it was uncertain. One that was given up stays so. */
function settle(sum: CampaignTruth, notice: NoticeEntry, end: NoticeEnd): void {
  if (end === 'given_up') return;
  const counts = sum.counts[notice.t];
  counts.uncertain -= 1;
  if (notice.x === 1) counts.bot += 1;
  else counts[end] += 1;
  if (notice.$ !== 1 || notice.x === 1) return;
  sum.uncertainSpendNanos -= BigInt(notice.p);
  if (end === 'acknowledged') sum.spendNanos += BigInt(notice.p);
}

function truthOf(truth: Truth, campaign: string): CampaignTruth {
  let found = truth.get(campaign);
  if (found === undefined) {
    const none = noticeKinds.map((kind) => [kind, { acknowledged: 0, refused: 0, uncertain: 0, bot: 0 }]);
    found = {
      bids: 0,
      counts: Object.fromEntries(none) as CampaignTruth['counts'],
      spendNanos: 0n,
      uncertainSpendNanos: 0n,
    };
    truth.set(campaign, found);
  }
  return found;
}

function* lines(path: string): Generator<string> {
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.alloc(65_536);
    let rest = Buffer.alloc(0);
    for (;;) {
      const count = readSync(file, chunk, 0, chunk.length, null);
      if (count === 0) break;
      rest = Buffer.concat([rest, chunk.subarray(0, count)]);
      let from = 0;
      for (let end = rest.indexOf(10, from); end >= 0; end = rest.indexOf(10, from)) {
        yield rest.toString('utf8', from, end);
        from = end + 1;
      }
      rest = rest.subarray(from);
    }
    if (rest.length > 0) yield rest.toString('utf8');
  } finally {
    closeSync(file);
  }
}
