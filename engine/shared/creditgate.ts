import type { BudgetGate } from '../auction/gate.ts';
import { giveBack, hasCredit, type SharedCredit, takeCredit } from './credit.ts';
import { createPace, highestMultiplier, type Pace, peekPace, readPace, type SharedPace } from './pace.ts';

/** The gate over shared memory, with the path of the line item that was loaded last. */
export class CreditGate implements BudgetGate {
  readonly path: Pace = createPace();
  readonly #credit: SharedCredit;
  readonly #pace: SharedPace;
  #slot = 0;

  constructor(credit: SharedCredit, pace: SharedPace) {
    this.#credit = credit;
    this.#pace = pace;
  }

  load(slot: number): boolean {
    this.#slot = slot;
    peekPace(this.#pace, slot, this.path);
    return this.path.cellCount > 0;
  }

  get multiplierPpm(): number {
    return this.path.multiplierPpm;
  }

  get passPpm(): number {
    return this.path.passPpm;
  }

  get highestMultiplierPpm(): number {
    return highestMultiplier(this.#pace);
  }

  covers(nanos: number, nowMs: number): boolean {
    return hasCredit(this.#credit, this.path.cells, this.path.cellCount, nanos, nowMs);
  }

  take(nanos: number, nowMs: number): boolean {
    const { path } = this;
    readPace(this.#pace, this.#slot, path);
    return path.cellCount > 0 && takeCredit(this.#credit, path.cells, path.cellCount, nanos, nowMs);
  }

  undo(nanos: number): void {
    giveBack(this.#credit, this.path.cells, this.path.cellCount, nanos);
  }
}

export function createCreditGate(credit: SharedCredit, pace: SharedPace): CreditGate {
  return new CreditGate(credit, pace);
}
