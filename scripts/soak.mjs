// `npm run soak`: half an hour of traffic against real processes that are killed, frozen, stopped and restarted; in the
// end every count and all money must equal the ledger of truth, and what the processes hold in the second half, in which
// none is restarted, must not have grown. `--for=3m` shortens it, `--rate=60` slows it, `--seed=N` repeats another order.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from './build.mjs';
import { root } from './setup.mjs';

const option = (name, fallback) =>
  process.argv
    .slice(2)
    .map((arg) => new RegExp(`^--${name}=(.+)$`).exec(arg)?.[1])
    .find((value) => value !== undefined) ?? fallback;
const [, amount, unit] = /^(\d+)(s|m|h)$/.exec(option('for', '30m')) ?? [];
const seed = option('seed', String(Date.now() % 2 ** 31));
const rate = option('rate', '150');
if (amount === undefined || !/^\d+$/.test(seed) || !/^[1-9]\d*$/.test(rate)) {
  console.error('evenkeel: use npm run soak -- [--for=90s|30m|2h] [--rate=REQUESTS_A_SECOND] [--seed=NUMBER].');
  process.exit(2);
}
const seconds = Number(amount) * { s: 1, m: 60, h: 3600 }[unit];
build();
console.log(`${seconds} s of faults at ${rate} requests/s, seed ${seed}`);
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const args = [vitest, 'run', '--project', 'soak', '--testTimeout', String((seconds + 600) * 1000), '--silent=false'];
const done = spawnSync(process.execPath, args, {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, EVENKEEL_SOAK_SECONDS: String(seconds), EVENKEEL_SOAK_SEED: seed, EVENKEEL_SOAK_RATE: rate },
});
console.log(`verdict: ${done.status === 0 ? 'passed' : 'FAILED'}`);
process.exit(done.status ?? 1);
