import type { CellUse, Grant } from '../core/topics.ts';
import { createRows, NOWHERE, type Row } from './rows.ts';
import { createShare, grantOf, type Issue, issue, issuesOf, type Share, takeReport } from './share.ts';

/** The node that stands for all nodes that are gone. */
export const GONE = '00000000';

export interface AllocationOptions {
  /** How far a bidder's clock may be from ours, and a bid in its hands from its report. */
  readonly skewMs: number;
  /** How long after its last window a node that is gone may still be billed: token lifetime (strict) or time-out (standard). */
  readonly resolveAfterMs: number;
}

export interface CellTotals {
  readonly budgetNanos: bigint;
  readonly confirmedNanos: bigint;
  readonly reservedNanos: bigint;
  /** The part of `reservedNanos` that bidders presume spent, because no notice came. */
  readonly presumedNanos: bigint;
  /** The most that can be spent by what has been issued: what the invariant bounds by the budget. */
  readonly committedNanos: bigint;
}

/**
 * The same as numbers, to decide by: exact below 2^53 nanos ($9 million), to a ten-quadrillionth above. What is handed out
 * is worked out in whole nanos.
 */
export interface CellAmounts {
  readonly budgetNanos: number;
  readonly confirmedNanos: number;
  readonly reservedNanos: number;
  readonly presumedNanos: number;
  /** What can be spent by what has been issued is within the budget. */
  readonly fits: boolean;
}

/** What was issued to a node last, and what it has drawn of it, nanos as numbers. */
export interface ShareAmounts {
  readonly grantedNanos: number;
  readonly usedNanos: number;
  readonly untilMs: number;
}

/**
 * The pacer's side of the ledger. For every cell the sum over all nodes of what each may still spend plus what it has
 * spent stays within the budget, whatever message is lost, repeated or late and whoever is killed: credit returns only
 * on proof (a report made after the last window in which it could be drawn), never on assumption.
 */
export interface Allocation {
  setBudget(cell: string, nanos: bigint): void;
  /** A node's report: `toMs` is when it was made. Only cells it names are touched. */
  report(node: string, toMs: number, uses: readonly CellUse[]): void;
  /** What the store has accepted for a node in a cell, complete up to `asOfMs`. */
  stored(cell: string, node: string, confirmedNanos: bigint, asOfMs: number): void;
  /** The store was read for this cell, also if it had no row. */
  storedTo(cell: string, asOfMs: number): void;
  totals(cell: string): CellTotals;
  /** As it is now: not to be kept. */
  amounts(cell: string): CellAmounts;
  /** What a node has drawn as far as is known: confirmed plus reserved. */
  used(cell: string, node: string): bigint;
  /** The largest cumulative grant the budget allows a node now. */
  room(cell: string, node: string): bigint;
  /** As it is now: not to be kept. Undefined when nothing was issued to that node. */
  share(cell: string, node: string): ShareAmounts | undefined;
  /**
   * Issues a cumulative grant: as near to `wantNanos` as the budget allows, never above it.
   * @returns what was granted
   */
  grant(cell: string, node: string, wantNanos: bigint, fromMs: number, untilMs: number): bigint;
  /** Takes what a node that is gone can no longer spend back into the budget, where that is proven. */
  resolve(node: string, nowMs: number): void;
  /** Everything issued, for the message, added to `into`: this is also what a new pacer starts from. */
  grants(cell: string, into?: Grant[]): readonly Grant[];
  restore(grant: Grant): void;
  nodesOf(cell: string): readonly string[];
  /** Whether any cell still counts something for a node. */
  holds(node: string): boolean;
  confirmed(cell: string, node: string): bigint;
  forget(cell: string): void;
  has(cell: string): boolean;
}

interface CellState extends Row<(typeof CELL_NUMBERS)[number]> {
  budget: bigint;
  readonly shares: Map<string, Share>;
  /** By node; null while there is none. */
  stored: Map<string, bigint> | null;
  /** Spent by nodes that are gone, as far as it was settled here or by an earlier pacer. */
  gone: bigint;
  /** What each of the nodes settled here last is in `gone` with, for those that turn out to be alive. */
  settled: Map<string, bigint> | null;
  fits: boolean;
  /** The amounts are what they should be: every change makes that untrue. */
  summed: boolean;
}
/** The amounts; up to when the store was read; and when a node that is gone was settled last: what one of them reported
 * before is in `gone` already. */
const CELL_NUMBERS = [
  'budgetNanos',
  'confirmedNanos',
  'reservedNanos',
  'presumedNanos',
  'storedToMs',
  'goneToMs',
] as const;
const newCell = createRows(CELL_NUMBERS);

const MAX_SETTLED = 256;
const MAX_EARLIER = 5;
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** The two oldest as one that allows what either does. */
function joinFirst([first, second, ...others]: readonly Issue[]): Issue[] {
  const untilMs = Math.max(first!.untilMs, second!.untilMs);
  return [{ nanos: max(first!.nanos, second!.nanos), untilMs }, ...others];
}

/** @see Allocation */
export function createAllocation(options: AllocationOptions): Allocation {
  const cells = new Map<string, CellState>();
  /** What was looked up last: a round asks for the same cell many times in a row. */
  let lastName = '';
  let last: CellState | undefined;

  function find(cell: string): CellState | undefined {
    if (cell === lastName && last !== undefined) return last;
    lastName = cell;
    last = cells.get(cell);
    return last;
  }

  function cellOf(cell: string): CellState {
    let found = find(cell);
    if (found === undefined) {
      found = newCell({
        values: NOWHERE,
        at: 0,
        budget: 0n,
        shares: new Map<string, Share>(),
        stored: null,
        gone: 0n,
        settled: null,
        fits: true,
        summed: false,
      });
      found.storedToMs = Number.NEGATIVE_INFINITY;
      cells.set(cell, found);
      last = found;
    }
    return found;
  }

  function shareOf(state: CellState, node: string): Share {
    let found = state.shares.get(node);
    if (found === undefined) {
      // A node that was taken for gone and comes back brings its spend with it: it must not count twice.
      const spent = state.settled?.get(node) ?? 0n;
      state.settled?.delete(node);
      state.gone = max(0n, state.gone - spent);
      state.summed = false;
      found = createShare(node, spent);
      state.shares.set(node, found);
    }
    return found;
  }

  /** What the store has and the node, in a younger report, does not know (bills it had forgotten): outside its grant. */
  function unseenOf(state: CellState, share: Share): bigint {
    if (share.reportedToMs <= state.storedToMs) return 0n;
    return max(0n, (state.stored?.get(share.node) ?? 0n) - share.confirmed - share.reserved);
  }

  function committedOf(state: CellState, share: Share): bigint {
    const used = max(share.confirmed + share.reserved, state.stored?.get(share.node) ?? 0n);
    let drawable = share.open ? share.granted : 0n;
    for (const { nanos } of share.earlier) if (nanos > drawable) drawable = nanos;
    return max(used, drawable + unseenOf(state, share));
  }

  function goneNanos(state: CellState): bigint {
    let stored = 0n;
    for (const [node, nanos] of state.stored ?? []) if (!state.shares.has(node)) stored += nanos;
    return max(state.gone, stored);
  }

  function committed(state: CellState, except?: Share): bigint {
    let sum = goneNanos(state);
    for (const share of state.shares.values()) if (share !== except) sum += committedOf(state, share);
    return sum;
  }

  function room(state: CellState, share: Share): bigint {
    return max(0n, state.budget - committed(state, share) - unseenOf(state, share));
  }

  function spendOf(state: CellState): Pick<CellTotals, 'confirmedNanos' | 'reservedNanos' | 'presumedNanos'> {
    let confirmedNanos = goneNanos(state);
    let reservedNanos = 0n;
    let presumedNanos = 0n;
    for (const share of state.shares.values()) {
      confirmedNanos += max(share.confirmed, state.stored?.get(share.node) ?? 0n);
      reservedNanos += share.reserved;
      presumedNanos += share.presumed;
    }
    return { confirmedNanos, reservedNanos, presumedNanos };
  }

  return {
    room(cell, node) {
      const state = cellOf(cell);
      return room(state, shareOf(state, node));
    },
    has: (cell) => cells.has(cell),
    setBudget(cell, nanos) {
      const state = cellOf(cell);
      if (state.budget === nanos) return;
      state.budget = nanos;
      state.summed = false;
    },
    report(node, toMs, uses) {
      for (const use of uses) {
        const state = find(use.cell);
        if (state === undefined) continue;
        if (!state.shares.has(node) && toMs <= state.goneToMs) continue;
        const share = shareOf(state, node);
        if (toMs < share.reportedToMs) continue;
        state.summed = false;
        takeReport(share, use, toMs, options.skewMs);
      }
    },
    stored(cell, node, nanos, asOfMs) {
      const state = cellOf(cell);
      state.stored ??= new Map();
      state.stored.set(node, nanos);
      state.summed = false;
      state.storedToMs = Math.max(state.storedToMs, asOfMs);
    },
    storedTo(cell, asOfMs) {
      const state = cellOf(cell);
      state.storedToMs = Math.max(state.storedToMs, asOfMs);
    },
    totals(cell) {
      const state = cellOf(cell);
      return { budgetNanos: state.budget, ...spendOf(state), committedNanos: committed(state) };
    },
    amounts(cell) {
      const state = cellOf(cell);
      if (state.summed) return state;
      const { confirmedNanos, reservedNanos, presumedNanos } = spendOf(state);
      state.budgetNanos = Number(state.budget);
      state.confirmedNanos = Number(confirmedNanos);
      state.reservedNanos = Number(reservedNanos);
      state.presumedNanos = Number(presumedNanos);
      state.fits = committed(state) <= state.budget;
      state.summed = true;
      return state;
    },
    used(cell, node) {
      const share = find(cell)?.shares.get(node);
      return share === undefined ? 0n : share.confirmed + share.reserved;
    },
    share(cell, node) {
      return find(cell)?.shares.get(node);
    },
    grant(cell, node, wantNanos, fromMs, untilMs) {
      const state = cellOf(cell);
      const share = shareOf(state, node);
      const nanos = max(0n, min(wantNanos, room(state, share)));
      state.summed = false;
      const more = issuesOf(share).filter((issue) => issue.nanos > nanos || issue.untilMs > untilMs);
      issue(share, nanos, fromMs, untilMs, more.length <= MAX_EARLIER ? more : joinFirst(more));
      return nanos;
    },
    resolve(node, nowMs) {
      for (const state of cells.values()) {
        const share = state.shares.get(node);
        if (share === undefined) continue;
        const lastMs = issuesOf(share).reduce((most, { untilMs }) => Math.max(most, untilMs), share.reportedToMs);
        const overMs = lastMs + options.resolveAfterMs + options.skewMs;
        const idle = issuesOf(share).length === 0 && share.reserved === share.presumed;
        if (!idle && (nowMs < overMs || state.storedToMs < overMs)) continue;
        const before = goneNanos(state);
        state.shares.delete(node);
        state.summed = false;
        const spent = max(share.confirmed, state.stored?.get(node) ?? 0n);
        state.gone = before + spent;
        state.goneToMs = Math.max(state.goneToMs, nowMs);
        state.settled ??= new Map();
        state.settled.set(node, spent);
        for (const oldest of state.settled.keys()) {
          if (state.settled.size <= MAX_SETTLED) break;
          state.settled.delete(oldest);
        }
      }
    },
    grants(cell, into = []) {
      const state = cellOf(cell);
      for (const share of state.shares.values()) into.push(grantOf(cell, share));
      const gone = goneNanos(state);
      if (gone > 0n || state.goneToMs > 0)
        into.push({ cell, node: GONE, grantedNanos: gone.toString(), fromMs: 0, untilMs: state.goneToMs });
      return into;
    },
    restore(grant) {
      const state = cellOf(grant.cell);
      const granted = BigInt(grant.grantedNanos);
      state.summed = false;
      if (grant.node === GONE) {
        state.gone = max(state.gone, granted);
        state.goneToMs = Math.max(state.goneToMs, grant.untilMs);
        return;
      }
      const share = shareOf(state, grant.node);
      const { heldNanos, heldUntilMs = grant.untilMs } = grant;
      const held = heldNanos === undefined ? [] : [{ nanos: BigInt(heldNanos), untilMs: heldUntilMs }];
      issue(share, granted, grant.fromMs, grant.untilMs, [...issuesOf(share), ...held]);
    },
    holds: (node) => [...cells.values()].some((state) => state.shares.has(node)),
    confirmed: (cell, node) => find(cell)?.shares.get(node)?.confirmed ?? 0n,
    nodesOf: (cell) => [...(find(cell)?.shares.keys() ?? [])],
    forget(cell) {
      cells.delete(cell);
      last = undefined;
    },
  };
}
