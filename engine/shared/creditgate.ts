import type { BudgetGate } from '../auction/gate.ts';
import { giveBack, hasCredit, type SharedCredit, takeCredit } from './credit.ts';
import { createPace, highestMultiplier, type Pace, readPace, type SharedPace } from './pace.ts';

/** The gate over shared memory, with the path of the line item that was loaded last. */
export interface CreditGate extends BudgetGate {
  readonly path: Pace;
}

export function createCreditGate(credit: SharedCredit, pace: SharedPace): CreditGate {
  const path = createPace();
  return {
    path,
    load(slot) {
      readPace(pace, slot, path);
      return path.cellCount > 0;
    },
    get multiplierPpm() {
      return path.multiplierPpm;
    },
    get passPpm() {
      return path.passPpm;
    },
    get highestMultiplierPpm() {
      return highestMultiplier(pace);
    },
    covers: (nanos, nowMs) => hasCredit(credit, path.cells, path.cellCount, nanos, nowMs),
    take: (nanos, nowMs) => takeCredit(credit, path.cells, path.cellCount, nanos, nowMs),
    undo: (nanos) => giveBack(credit, path.cells, path.cellCount, nanos),
  };
}
