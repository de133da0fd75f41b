import { describe, expect, it } from 'vitest';
import { createSharedCredit, creditBank, creditCells, creditOf, giveBack, hasCredit, takeCredit } from './credit.ts';
import { createPace, createSharedPace, readPace, writePace } from './pace.ts';

const NOW = 1_800_000_000_000;
const path = Int32Array.from([0, 1]);

describe('shared credit', () => {
  it('takes from every level or from none', () => {
    const credit = createSharedCredit(2, NOW);
    const bank = creditBank(credit);
    bank.setWindow(0, 0, NOW + 1000);
    bank.setWindow(1, 0, NOW + 1000);
    bank.add(0, 100n);
    bank.add(1, 60n);
    expect(hasCredit(credit, path, 2, 60, NOW)).toBe(true);
    expect(takeCredit(credit, path, 2, 60, NOW)).toBe(true);
    expect(hasCredit(credit, path, 2, 1, NOW)).toBe(false);
    expect(takeCredit(credit, path, 2, 1, NOW)).toBe(false);
    expect([creditOf(credit, 0), creditOf(credit, 1)]).toEqual([40n, 0n]);
    giveBack(credit, path, 2, 60);
    expect([creditOf(credit, 0), creditOf(credit, 1)]).toEqual([100n, 60n]);
    expect(creditCells(credit, NOW)).toEqual({ live: 2, dry: 0 });
  });

  it('gives nothing outside the window, which is rounded inwards', () => {
    const credit = createSharedCredit(1, NOW);
    const bank = creditBank(credit);
    bank.add(0, 100n);
    bank.setWindow(0, NOW + 50, NOW + 450);
    const open = (atMs: number) => hasCredit(credit, path, 1, 1, atMs);
    expect([open(NOW + 99), open(NOW + 100), open(NOW + 399), open(NOW + 400)]).toEqual([false, true, true, false]);
    expect(takeCredit(credit, path, 1, 1, NOW + 400)).toBe(false);
    bank.setWindow(0, 0, 0);
    expect(open(NOW + 200)).toBe(false);
    expect(creditCells(credit, NOW)).toEqual({ live: 0, dry: 0 });
  });

  it('lets a line item without a whole path not bid', () => {
    const pace = createSharedPace(2);
    const read = createPace();
    readPace(pace, 1, read);
    expect(read.cellCount).toBe(0);
    writePace(pace, 1, 900_000, 500_000, [4, 7]);
    readPace(pace, 1, read);
    expect(read).toMatchObject({ multiplierPpm: 900_000, passPpm: 500_000, cellCount: 2 });
    expect([...read.cells.subarray(0, 2)]).toEqual([4, 7]);
    for (const cells of [[4, -1], [], Array.from({ length: 9 }, (_, i) => i)]) {
      writePace(pace, 1, 1_000_000, 1_000_000, cells);
      readPace(pace, 1, read);
      expect(read.cellCount).toBe(0);
    }
  });
});
