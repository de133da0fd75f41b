import { join } from 'node:path';
import { expect, it } from 'vitest';

// The check runs from the built code, in processes of its own.
const built = join(import.meta.dirname, '../../dist/loadtest/selfcheck/selfcheck.js');

it('a sender costs a core 20,000 requests a second, and adds little to what it measures', async () => {
  const { runSelfCheck } = (await import(built)) as typeof import('./selfcheck.ts');
  // What a request costs is CPU time, whatever else runs. What is added is time on the wall: the least of some rounds, and
  // the usual request only, for the worst hundredth belongs to whoever stops the machine's cores; selfcheck.slow.ts judges it.
  let [typicalMs, aloneMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let tries = 0; tries < 3 && !(aloneMs < 0.3); tries++) {
    const check = { ratePerSecond: 10_000, rounds: 1, seconds: 1, warmupSeconds: 1 };
    const { capacity, rounds } = await runSelfCheck(check);
    expect(capacity.faults).toEqual({});
    // A machine whose cores are shared runs a third slower; docs/loadtest.md has the measured value.
    expect(capacity.answeredPerCpuSecond).toBeGreaterThan(15_000);
    for (const { added, undisturbed } of rounds) {
      typicalMs = Math.min(typicalMs, added.p50Ms);
      if (undisturbed.count >= 200) aloneMs = Math.min(aloneMs, undisturbed.p99Ms);
    }
    const rate = Math.round(capacity.answeredPerCpuSecond);
    console.log(`sender: ${rate} requests/s per core, adds ${typicalMs} ms (p50), ${aloneMs} ms (p99, alone)`);
  }
  // Each try printed 0.17 ms, on a busy machine, too.
  expect(typicalMs).toBeLessThan(1);
});
