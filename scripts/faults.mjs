// `npm run test:faults`: breaks everything at every step and writes what happened into docs/reliability.md.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from './build.mjs';
import { root } from './setup.mjs';

build();
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const files = ['reporting/ingest', 'reporting/log', 'reporting/store/server.e2e.ts'];
const projects = ['--project', 'e2e', '--project', 'slow'];
// Files named on the command line are run alone: the whole takes about ten minutes.
const wanted = process.argv.slice(2).length > 0 ? process.argv.slice(2) : files;
const done = spawnSync(process.execPath, [vitest, 'run', ...projects, ...wanted], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, EVENKEEL_FAULTS: 'long', EVENKEEL_REQUIRE_ALL_TESTS: '1' },
});
process.exit(done.status ?? 1);
