import type { CreditBank } from './ledger.ts';
import type { CellUse, PacingMessage } from './topics.ts';

/** One budget cell as a node knows it. Always: credit in the bank = granted − confirmed − reserved − taken but not yet told. */
export interface Cell {
  readonly name: string;
  readonly slot: number;
  /** When its period is over everywhere. */
  readonly endMs: number;
  grantedNanos: bigint;
  confirmedNanos: bigint;
  /** Bids that are not settled, and what is presumed spent by those that never will be. */
  reservedNanos: bigint;
  presumedNanos: bigint;
  untilMs: number;
  /** Off the table: its day is over and nothing can be billed to it any more. */
  retired: boolean;
  changed: boolean;
}

const DAY_MS = 86_400_000;
/** A local date ends at the latest 12 hours after it has ended in UTC (zone UTC−12). */
const WESTMOST_MS = 12 * 3_600_000;
const REPORT_TURNS = 10;
const RETIRE_EVERY_MS = 60_000;

/** When the period of a cell is over in every time zone; infinite for lifetime cells. */
function cellEndMs(cell: string): number {
  const date = /:(\d{4}-\d{2}-\d{2})$/.exec(cell)?.[1];
  if (date === undefined) return Number.POSITIVE_INFINITY;
  const startMs = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(startMs) ? Number.POSITIVE_INFINITY : startMs + DAY_MS + WESTMOST_MS;
}

export interface Cells {
  applyPacing(message: PacingMessage): void;
  /** Finds or allocates. */
  find(name: string): Cell | undefined;
  at(slot: number): Cell | undefined;
  /** Changes what is confirmed and reserved, and gives the difference to the bank. */
  move(cell: Cell, confirmed: bigint, reserved: bigint): void;
  /** The same for credit that a bid thread has already taken from the bank. */
  moveTaken(cell: Cell, confirmed: bigint, reserved: bigint): void;
  /** Says how much more of what is reserved is presumed spent. */
  presume(cell: Cell, nanos: bigint): void;
  retire(nowMs: number): void;
  all(): CellUse[];
  due(nowMs: number): CellUse[];
  counters(): { readonly overNanos: bigint; readonly staleMessages: number; readonly refusedCells: number };
}

export interface CellsOptions {
  readonly node: string;
  readonly bank: CreditBank;
  readonly tokenLifetimeMs: number;
  readonly maxCells: number;
}

interface Owner {
  epoch: number;
  sequence: number;
  lineItems: PacingMessage['lineItems'];
}

/** The table of a node's cells: bounded, and a slot is given to another cell only when no bid can still name it. */
export function createCells(options: CellsOptions): Cells {
  const { bank, node, maxCells, tokenLifetimeMs } = options;
  const byName = new Map<string, Cell>();
  const bySlot: (Cell | undefined)[] = [];
  const freeSlots: number[] = [];
  const owners = new Map<string, Owner>();
  const over = new Map<Cell, bigint>();
  let overOfRetired = 0n;
  let retiredToMs = Number.NEGATIVE_INFINITY;
  let staleMessages = 0;
  let refusedCells = 0;
  let turn = 0;

  function find(name: string): Cell | undefined {
    const known = byName.get(name);
    if (known !== undefined) return known;
    const endMs = cellEndMs(name);
    // A cell that was retired must not come back with an empty account.
    const slot = endMs + tokenLifetimeMs <= retiredToMs ? undefined : (freeSlots.pop() ?? nextSlot());
    if (slot === undefined) {
      refusedCells++;
      return undefined;
    }
    const cell: Cell = {
      name,
      slot,
      endMs,
      grantedNanos: 0n,
      confirmedNanos: 0n,
      reservedNanos: 0n,
      presumedNanos: 0n,
      untilMs: 0,
      retired: false,
      changed: true,
    };
    byName.set(name, cell);
    bySlot[slot] = cell;
    return cell;
  }

  function nextSlot(): number | undefined {
    return bySlot.length < maxCells ? bySlot.length : undefined;
  }

  function isNews(message: PacingMessage): boolean {
    const last = owners.get(message.owner);
    if (last === undefined) {
      if (owners.size >= maxCells) {
        refusedCells++;
        return false;
      }
    } else if (message.epoch < last.epoch || (message.epoch === last.epoch && message.sequence <= last.sequence)) {
      staleMessages++;
      return false;
    }
    owners.set(message.owner, { epoch: message.epoch, sequence: message.sequence, lineItems: message.lineItems });
    return true;
  }

  function moveTaken(cell: Cell, confirmed: bigint, reserved: bigint): void {
    cell.confirmedNanos += confirmed;
    cell.reservedNanos += reserved;
    cell.changed = true;
  }

  function noteOver(cell: Cell): void {
    const above = cell.confirmedNanos + cell.reservedNanos - cell.grantedNanos;
    if (above > 0n && above > (over.get(cell) ?? 0n)) over.set(cell, above);
  }

  function use(cell: Cell): CellUse {
    cell.changed = false;
    return {
      cell: cell.name,
      confirmedNanos: cell.confirmedNanos.toString(),
      reservedNanos: cell.reservedNanos.toString(),
      ...(cell.presumedNanos === 0n ? {} : { presumedNanos: cell.presumedNanos.toString() }),
    };
  }

  return {
    find,
    at: (slot) => bySlot[slot],
    moveTaken,
    applyPacing(message) {
      if (!isNews(message)) return;
      for (const grant of message.grants) {
        if (grant.node !== node) continue;
        const cell = find(grant.cell);
        if (cell === undefined) continue;
        const granted = BigInt(grant.grantedNanos);
        // Less credit before a longer window, more credit after it: bid threads never see the wrong pair.
        if (granted < cell.grantedNanos) bank.add(cell.slot, granted - cell.grantedNanos);
        bank.setWindow(cell.slot, grant.fromMs, grant.untilMs);
        if (granted > cell.grantedNanos) bank.add(cell.slot, granted - cell.grantedNanos);
        cell.grantedNanos = granted;
        cell.untilMs = grant.untilMs;
        cell.changed = true;
      }
    },
    move(cell, confirmed, reserved) {
      moveTaken(cell, confirmed, reserved);
      if (!cell.retired) bank.add(cell.slot, -(confirmed + reserved));
      if (confirmed + reserved > 0n) noteOver(cell);
    },
    presume(cell, nanos) {
      cell.presumedNanos += nanos;
      cell.changed = true;
    },
    retire(nowMs) {
      if (nowMs < retiredToMs + RETIRE_EVERY_MS) return;
      retiredToMs = nowMs;
      const due = [...byName.values()].filter((cell) => cell.endMs + tokenLifetimeMs <= nowMs);
      if (due.length === 0) return;
      // Workers may still hold the slot of a cell that an owner's last message names.
      const named = new Set<string>();
      for (const owner of owners.values())
        for (const item of owner.lineItems) for (const name of item.cells) named.add(name);
      for (const cell of due) {
        if (cell.reservedNanos !== cell.presumedNanos || named.has(cell.name)) continue;
        cell.retired = true;
        bank.setWindow(cell.slot, 0, 0);
        bank.add(cell.slot, -(cell.grantedNanos - cell.confirmedNanos - cell.reservedNanos));
        overOfRetired += over.get(cell) ?? 0n;
        over.delete(cell);
        byName.delete(cell.name);
        bySlot[cell.slot] = undefined;
        freeSlots.push(cell.slot);
      }
    },
    all: () => [...byName.values()].map(use),
    due(nowMs) {
      turn = (turn + 1) % REPORT_TURNS;
      const found: CellUse[] = [];
      for (const cell of byName.values()) {
        const ended = cell.untilMs !== 0 && cell.untilMs <= nowMs;
        if (ended) cell.untilMs = 0;
        if (cell.changed || ended || cell.slot % REPORT_TURNS === turn) found.push(use(cell));
      }
      return found;
    },
    counters: () => ({
      overNanos: [...over.values()].reduce((sum, nanos) => sum + nanos, overOfRetired),
      staleMessages,
      refusedCells,
    }),
  };
}
