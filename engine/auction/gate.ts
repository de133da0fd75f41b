/** What the pacer lets a line item do; the auction's only view of budgets. */
export interface BudgetGate {
  /** Reads a line item's pace into `multiplierPpm` and `passPpm`. @returns false when it has no budget path */
  load(slot: number): boolean;
  readonly multiplierPpm: number;
  readonly passPpm: number;
  /** No line item's multiplier is above it. */
  readonly highestMultiplierPpm: number;
  /** Whether every level could pay now; another thread may take it in between. */
  covers(nanos: number, nowMs: number): boolean;
  /** Takes the most a bid can cost on every level of the loaded line item's path. */
  take(nanos: number, nowMs: number): boolean;
  /** Puts it back: the bid will not be sent. */
  undo(nanos: number): void;
}
