import type { CellUse, Grant } from '../core/topics.ts';

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
  /** What a node has drawn as far as is known: confirmed plus reserved. */
  used(cell: string, node: string): bigint;
  /** The largest cumulative grant the budget allows a node now. */
  room(cell: string, node: string): bigint;
  /** What was issued to a node last, as it is now: not to be kept. Undefined when nothing was. */
  share(cell: string, node: string): { readonly grantedNanos: bigint; readonly untilMs: number } | undefined;
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

interface Issue {
  readonly nanos: bigint;
  readonly untilMs: number;
}
interface Share {
  readonly node: string;
  grantedNanos: bigint;
  fromMs: number;
  untilMs: number;
  /** What a message says of it: worked out when asked for, thrown away by every change. */
  told: Grant | null;
  /** Every grant that may still be drawn on, the latest last. */
  live: Issue[];
  confirmed: bigint;
  reserved: bigint;
  presumed: bigint;
  reportedToMs: number;
}
interface CellState {
  budget: bigint;
  readonly shares: Map<string, Share>;
  readonly stored: Map<string, bigint>;
  storedToMs: number;
  /** Spent by nodes that are gone, as far as it was settled here or by an earlier pacer. */
  gone: bigint;
  /** When the last of them was settled: what one of them reported before is in `gone` already. */
  goneToMs: number;
  /** What each of the nodes settled here last is in `gone` with, for those that turn out to be alive. */
  readonly settled: Map<string, bigint>;
  /** Worked out when asked for, thrown away by every change. */
  totals: CellTotals | null;
}

const MAX_LIVE = 6;
const MAX_SETTLED = 256;
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** What a share says in a message: what was issued last, and what may be drawn by earlier issues when that is more. */
function grantOf(cell: string, share: Share): Grant {
  let held = share.confirmed + share.reserved;
  let heldUntilMs = share.untilMs;
  for (const { nanos, untilMs } of share.live) {
    if (nanos > held) held = nanos;
    if (untilMs > heldUntilMs) heldUntilMs = untilMs;
  }
  const { node, fromMs, untilMs } = share;
  const grantedNanos = share.grantedNanos.toString();
  if (held <= share.grantedNanos && heldUntilMs <= untilMs) return { cell, node, grantedNanos, fromMs, untilMs };
  return { cell, node, grantedNanos, fromMs, untilMs, heldNanos: held.toString(), heldUntilMs };
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
      found = {
        budget: 0n,
        shares: new Map(),
        stored: new Map(),
        storedToMs: Number.NEGATIVE_INFINITY,
        gone: 0n,
        goneToMs: 0,
        settled: new Map(),
        totals: null,
      };
      cells.set(cell, found);
      last = found;
    }
    return found;
  }

  function shareOf(state: CellState, node: string): Share {
    let found = state.shares.get(node);
    if (found === undefined) {
      // A node that was taken for gone and comes back brings its spend with it: it must not count twice.
      const spent = state.settled.get(node) ?? 0n;
      state.settled.delete(node);
      state.gone = max(0n, state.gone - spent);
      found = {
        node,
        grantedNanos: 0n,
        fromMs: 0,
        untilMs: 0,
        told: null,
        live: [],
        confirmed: spent,
        reserved: 0n,
        presumed: 0n,
        reportedToMs: Number.NEGATIVE_INFINITY,
      };
      state.shares.set(node, found);
    }
    return found;
  }

  /** What the store has and the node, in a younger report, does not know (bills it had forgotten): outside its grant. */
  function unseenOf(state: CellState, share: Share): bigint {
    if (share.reportedToMs <= state.storedToMs) return 0n;
    return max(0n, (state.stored.get(share.node) ?? 0n) - share.confirmed - share.reserved);
  }

  function committedOf(state: CellState, share: Share): bigint {
    const used = max(share.confirmed + share.reserved, state.stored.get(share.node) ?? 0n);
    let drawable = 0n;
    for (const { nanos } of share.live) if (nanos > drawable) drawable = nanos;
    return max(used, drawable + unseenOf(state, share));
  }

  function goneNanos(state: CellState): bigint {
    let stored = 0n;
    for (const [node, nanos] of state.stored) if (!state.shares.has(node)) stored += nanos;
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
      state.totals = null;
    },
    report(node, toMs, uses) {
      for (const use of uses) {
        const state = find(use.cell);
        if (state === undefined) continue;
        if (!state.shares.has(node) && toMs <= state.goneToMs) continue;
        const share = shareOf(state, node);
        if (toMs < share.reportedToMs) continue;
        state.totals = null;
        share.reportedToMs = toMs;
        share.told = null;
        share.confirmed = BigInt(use.confirmedNanos);
        share.reserved = BigInt(use.reservedNanos);
        share.presumed = BigInt(use.presumedNanos ?? 0);
        share.live = share.live.filter((issue) => issue.untilMs + options.skewMs >= toMs);
        // What came back may be given to others: our own next message, from which a new pacer starts, must say so.
        if (share.live.length === 0) share.grantedNanos = share.confirmed + share.reserved;
      }
    },
    stored(cell, node, nanos, asOfMs) {
      const state = cellOf(cell);
      state.stored.set(node, nanos);
      state.totals = null;
      state.storedToMs = Math.max(state.storedToMs, asOfMs);
    },
    storedTo(cell, asOfMs) {
      const state = cellOf(cell);
      state.storedToMs = Math.max(state.storedToMs, asOfMs);
    },
    totals(cell) {
      const state = cellOf(cell);
      if (state.totals !== null) return state.totals;
      let confirmed = goneNanos(state);
      let reserved = 0n;
      let presumed = 0n;
      for (const share of state.shares.values()) {
        confirmed += max(share.confirmed, state.stored.get(share.node) ?? 0n);
        reserved += share.reserved;
        presumed += share.presumed;
      }
      state.totals = {
        budgetNanos: state.budget,
        confirmedNanos: confirmed,
        reservedNanos: reserved,
        presumedNanos: presumed,
        committedNanos: committed(state),
      };
      return state.totals;
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
      state.totals = null;
      share.told = null;
      share.grantedNanos = nanos;
      share.fromMs = fromMs;
      share.untilMs = untilMs;
      share.live = share.live.filter((issue) => issue.nanos > nanos || issue.untilMs > untilMs);
      share.live.push({ nanos, untilMs });
      while (share.live.length > MAX_LIVE) {
        const [first, second] = share.live as [Issue, Issue];
        share.live[1] = { nanos: max(first.nanos, second.nanos), untilMs: Math.max(first.untilMs, second.untilMs) };
        share.live.shift();
      }
      return nanos;
    },
    resolve(node, nowMs) {
      for (const state of cells.values()) {
        const share = state.shares.get(node);
        if (share === undefined) continue;
        const lastMs = share.live.reduce((most, issue) => Math.max(most, issue.untilMs), share.reportedToMs);
        const overMs = lastMs + options.resolveAfterMs + options.skewMs;
        const idle = share.live.length === 0 && share.reserved === share.presumed;
        if (!idle && (nowMs < overMs || state.storedToMs < overMs)) continue;
        const before = goneNanos(state);
        state.shares.delete(node);
        state.totals = null;
        const spent = max(share.confirmed, state.stored.get(node) ?? 0n);
        state.gone = before + spent;
        state.goneToMs = Math.max(state.goneToMs, nowMs);
        state.settled.set(node, spent);
        for (const oldest of state.settled.keys()) {
          if (state.settled.size <= MAX_SETTLED) break;
          state.settled.delete(oldest);
        }
      }
    },
    grants(cell, into = []) {
      const state = cellOf(cell);
      for (const share of state.shares.values()) {
        share.told ??= grantOf(cell, share);
        into.push(share.told);
      }
      const gone = goneNanos(state);
      if (gone > 0n || state.goneToMs > 0)
        into.push({ cell, node: GONE, grantedNanos: gone.toString(), fromMs: 0, untilMs: state.goneToMs });
      return into;
    },
    restore(grant) {
      const state = cellOf(grant.cell);
      const granted = BigInt(grant.grantedNanos);
      state.totals = null;
      if (grant.node === GONE) {
        state.gone = max(state.gone, granted);
        state.goneToMs = Math.max(state.goneToMs, grant.untilMs);
        return;
      }
      const share = shareOf(state, grant.node);
      share.told = null;
      share.grantedNanos = granted;
      share.fromMs = grant.fromMs;
      share.untilMs = grant.untilMs;
      share.live.push({ nanos: granted, untilMs: grant.untilMs });
      if (grant.heldNanos !== undefined)
        share.live.push({ nanos: BigInt(grant.heldNanos), untilMs: grant.heldUntilMs ?? grant.untilMs });
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
