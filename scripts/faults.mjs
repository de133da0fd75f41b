// `npm run test:faults`: breaks everything at every step and writes what happened into docs/reliability.md.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from './build.mjs';
import { root } from './setup.mjs';

build();
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const files = ['reporting/ingest', 'reporting/log', 'reporting/store'];
const done = spawnSync(process.execPath, [vitest, 'run', '--project', 'e2e', ...files, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, EVENKEEL_FAULTS: 'long', EVENKEEL_REQUIRE_ALL_TESTS: '1' },
});
process.exit(done.status ?? 1);
