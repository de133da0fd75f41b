import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import { startTraffic } from '../../loadtest/demo.ts';
import { measureChanges, percentile } from './changes.case.ts';
import { type System, startSystem } from './processes.case.ts';

const CHANGES = 500;
const WITHIN_MS = 1_000;

let system: System;
beforeAll(async () => {
  system = await startSystem(['--bid-threads=2'], ['--seed-demo']);
});
afterAll(() => system?.stop());

it(`shows ${CHANGES} changes in bids within a second of the API's answer, p99, on every thread under traffic`, async () => {
  const run = startTraffic(
    { url: `${system.bidUrl}/openrtb2/bid/demo`, rps: 200 },
    { clock: systemClock, random: seededRandom(3) },
  );
  const delays = await measureChanges(system, CHANGES);
  await run.stop({ deliver: false });
  const [p50, p99, most] = [50, 99, 100].map((percent) => percentile(delays, percent)) as [number, number, number];
  console.log(
    `change to bid: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, most ${most.toFixed(0)} ms of ${CHANGES}`,
  );
  expect(p99).toBeLessThan(WITHIN_MS);
}, 900_000);
