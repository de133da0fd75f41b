// `npm run fuzz`: the fuzz tests with more than a million inputs and a new seed. A failure prints input and seed;
// `EVENKEEL_FUZZ_SEED=… npm run fuzz` repeats it, `EVENKEEL_FUZZ_INPUTS=…` changes the inputs per target.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const inputs = process.env.EVENKEEL_FUZZ_INPUTS ?? '100000';
const seed = process.env.EVENKEEL_FUZZ_SEED ?? String(Date.now() % 2 ** 31);
console.log(`${inputs} inputs a unit of work, seed ${seed}`);
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const done = spawnSync(
  process.execPath,
  [vitest, 'run', '--project', 'unit', 'app/fuzz', '--testTimeout=3600000', '--reporter=verbose'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, EVENKEEL_FUZZ_INPUTS: inputs, EVENKEEL_FUZZ_SEED: seed } },
);
process.exit(done.status ?? 1);
