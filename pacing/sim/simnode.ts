import { createNodeLedger, type NodeLedger } from '../../core/ledger.ts';
import { rankOf } from '../../core/nearbids.ts';
import type { Random } from '../../core/random.ts';
import type { BidStats } from '../../core/topics.ts';
import type { Market } from './market.ts';

/** A line item as the simulated bidder values it. */
export interface SimLine {
  readonly lineItemId: number;
  readonly campaignId: number;
  readonly advertiserId: number;
  /** Bid at multiplier 1 for an auction, nanos; 0 when it does not match. */
  readonly value: (market: Market, index: number) => number;
}

/** How a line item bids until the next message. */
export interface Pace {
  readonly multiplier: number;
  readonly pass: number;
  readonly cells: readonly string[];
  /** Slots of the cells by place of the bidder, looked up when first needed. */
  readonly slots: (readonly number[] | undefined)[];
}

interface LineCounts {
  readonly lineItemId: number;
  matched: number;
  bids: number;
  bidNanos: number;
  pacing: number;
  budget: number;
}

/** A bidder: the ledger of production, and credit as the bid threads see it. Nanos as numbers: exact below $9 million. */
export interface SimNode {
  readonly name: string;
  /** Its place among the bidders; one that replaces it has the same. */
  readonly place: number;
  /** Counts all bidders that ever were, from 1. */
  readonly born: number;
  readonly ledger: NodeLedger;
  readonly credit: number[];
  readonly from: number[];
  readonly until: number[];
  readonly counts: Map<number, LineCounts>;
  /** Those that counted something since the last report. */
  readonly busy: LineCounts[];
  requests: number;
  sequence: number;
  lastMs: number;
  gone: boolean;
  /** What was chosen last for an auction. */
  bidNanos: number;
  bidSlots: readonly number[];
}

/** After this a token never bills. */
export const TOKEN_MS = 2_400_000;

export interface SimNodeOptions {
  readonly mode: 'standard' | 'strict';
  readonly releaseAfterMs: number;
}

export function createSimNode(place: number, born: number, options: SimNodeOptions): SimNode {
  const credit: number[] = [];
  const from: number[] = [];
  const until: number[] = [];
  const name = born.toString(16).padStart(8, '0');
  const ledger = createNodeLedger({
    node: name,
    bank: {
      add: (slot, delta) => {
        credit[slot] = (credit[slot] ?? 0) + Number(delta);
      },
      setWindow: (slot, fromMs, untilMs) => {
        from[slot] = fromMs;
        until[slot] = untilMs;
      },
    },
    ...options,
    tokenLifetimeMs: TOKEN_MS,
    maxReservations: 200_000,
    maxCells: 100_000,
  });
  return {
    name,
    place,
    born,
    ledger,
    credit,
    from,
    until,
    counts: new Map(),
    busy: [],
    requests: 0,
    sequence: 0,
    lastMs: 0,
    gone: false,
    bidNanos: 0,
    bidSlots: [],
  };
}

/**
 * One auction at one bidder: the line item of highest rank bids when pass probability and credit allow. Its credit is
 * taken; the bid is left in `bidNanos` and `bidSlots`.
 */
export function chooseLine(
  node: SimNode,
  lines: readonly SimLine[],
  paces: ReadonlyMap<number, Pace>,
  market: Market,
  index: number,
  random: Random,
): SimLine | null {
  const atMs = market.atMs[index]!;
  node.requests++;
  let best: SimLine | null = null;
  let bestNanos = 0;
  let highest = 0;
  for (const line of lines) {
    const value = line.value(market, index);
    if (value <= 0) continue;
    const counts = countsOf(node, line.lineItemId);
    if (counts.matched++ === 0) node.busy.push(counts);
    const pace = paces.get(line.lineItemId);
    if (pace === undefined || pace.pass === 0 || (pace.pass < 1 && random.next() >= pace.pass)) {
      counts.pacing++;
      continue;
    }
    const nanos = Math.floor(value * pace.multiplier);
    // A line item that is alone is not drawn for.
    const rank = lines.length === 1 ? nanos : rankOf(nanos, random.next());
    if (rank <= highest) continue;
    const slots = slotsOf(node, pace);
    if (slots.length === 0 || !hasCredit(node, slots, nanos, atMs)) {
      counts.budget++;
      continue;
    }
    best = line;
    bestNanos = nanos;
    highest = rank;
    node.bidSlots = slots;
  }
  if (best === null) return null;
  for (const slot of node.bidSlots) node.credit[slot] = node.credit[slot]! - bestNanos;
  const counts = countsOf(node, best.lineItemId);
  counts.bids++;
  counts.bidNanos += bestNanos;
  node.bidNanos = bestNanos;
  return best;
}

function slotsOf(node: SimNode, pace: Pace): readonly number[] {
  let found = pace.slots[node.place];
  if (found === undefined) {
    found = pace.cells.map((cell) => node.ledger.slotOf(cell));
    pace.slots[node.place] = found;
  }
  return found;
}

function hasCredit(node: SimNode, slots: readonly number[], nanos: number, atMs: number): boolean {
  for (const slot of slots) {
    if (slot < 0 || atMs < (node.from[slot] ?? 0) || atMs >= (node.until[slot] ?? 0)) return false;
    if ((node.credit[slot] ?? 0) < nanos) return false;
  }
  return true;
}

function countsOf(node: SimNode, lineItemId: number): LineCounts {
  let found = node.counts.get(lineItemId);
  if (found === undefined) {
    found = { lineItemId, matched: 0, bids: 0, bidNanos: 0, pacing: 0, budget: 0 };
    node.counts.set(lineItemId, found);
  }
  return found;
}

/** What the bidder reports of the time since its last report. */
export function report(node: SimNode, nowMs: number, logDown: boolean): BidStats {
  if (!logDown) node.ledger.expire(nowMs);
  const lineItems = node.busy.map((one) => {
    const { lineItemId, matched, bids, bidNanos, pacing, budget } = one;
    one.matched = 0;
    one.bids = 0;
    one.bidNanos = 0;
    one.pacing = 0;
    one.budget = 0;
    return { lineItemId, campaignId: 0, matched, bids, bidNanos, reasons: { pacing, budget } };
  });
  node.busy.length = 0;
  const { requests } = node;
  node.requests = 0;
  const fromMs = node.lastMs === 0 ? nowMs - 1000 : node.lastMs;
  node.lastMs = nowMs;
  return {
    v: 1,
    node: node.name,
    sequence: node.sequence++,
    fromMs,
    toMs: nowMs,
    requests,
    answered: 0,
    errors: 0,
    latency: null,
    noBids: {},
    lineItems,
    cells: [...node.ledger.dueUses(nowMs)],
    final: false,
  };
}
