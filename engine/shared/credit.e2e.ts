import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { createSharedCredit, creditBank, creditOf } from './credit.ts';

const dist = new URL('../../dist/engine/shared/credit.js', import.meta.url).href;
const NOW_MS = 2_000_000_000_000;
const FAR_MS = 4_000_000_000_000;

it('is exact under eight threads that take at once, also when an inner level refuses', async () => {
  const credit = createSharedCredit(3, NOW_MS);
  const bank = creditBank(credit);
  for (const slot of [0, 1, 2]) bank.setWindow(slot, 0, FAR_MS);
  bank.add(0, 1_000_000n);
  bank.add(1, 600_000n);
  bank.add(2, 300_000n);
  // Half of the threads draw on cells 0 and 1, half on 0 and 2.
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.dist).then(({ takeCredit }) => {
      const cells = Int32Array.from(workerData.cells);
      let taken = 0;
      for (let i = 0; i < 60_000; i++) if (takeCredit(workerData.credit, cells, 2, 7, workerData.nowMs)) taken++;
      parentPort.postMessage(taken);
    });`;
  const taken = await Promise.all(
    Array.from({ length: 8 }, (_, i) => {
      const workerData = { dist, nowMs: NOW_MS, credit, cells: [0, i % 2 === 0 ? 1 : 2] };
      const worker = new Worker(code, { eval: true, workerData });
      return new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    }),
  );
  const sum = (parity: number) => taken.filter((_, i) => i % 2 === parity).reduce((a, b) => a + b, 0);
  expect(creditOf(credit, 1)).toBe(600_000n - 7n * BigInt(sum(0)));
  expect(creditOf(credit, 2)).toBe(300_000n - 7n * BigInt(sum(1)));
  expect(creditOf(credit, 0)).toBe(1_000_000n - 7n * BigInt(sum(0) + sum(1)));
  for (const slot of [0, 1, 2]) expect(creditOf(credit, slot)).toBeGreaterThanOrEqual(0n);
  // The cells that limit are drawn to the last bid but for those that met another's attempt.
  expect(creditOf(credit, 2)).toBeLessThan(7n * 9n);
});
