// `npm test`: types, lint, unused code, unit tests, then end-to-end tests on real processes; ends with `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './build.mjs';
import { root } from './setup.mjs';

build();
const bin = (name) => join(root, 'node_modules', ...name);
const report = mkdtempSync(join(tmpdir(), 'evenkeel-test-'));
const counts = { passed: 0, failed: 0, skipped: 0 };

function step(label, command, args) {
  const startMs = Date.now();
  const done = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  const ok = done.status === 0;
  console.log(`\n${ok ? 'ok' : 'FAILED'}: ${label} (${((Date.now() - startMs) / 1000).toFixed(1)} s)\n`);
  return ok;
}

function check(label, command, args) {
  counts[step(label, command, args) ? 'passed' : 'failed'] += 1;
}

function vitest(project, extra) {
  const file = join(report, `${project}.json`);
  const args = [
    bin(['vitest', 'vitest.mjs']),
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
    ...(extra.length > 0 ? ['--passWithNoTests'] : []),
    ...extra,
  ];
  const ok = step(`${project} tests`, process.execPath, args);
  try {
    const result = JSON.parse(readFileSync(file, 'utf8'));
    counts.passed += result.numPassedTests;
    counts.skipped += result.numPendingTests + result.numTodoTests;
    counts.failed += result.numFailedTests;
    // A file that could not be loaded, or an unhandled error, fails the run without a failed test.
    if (!ok && result.numFailedTests === 0) counts.failed += 1;
  } catch {
    counts.failed += 1;
  }
}

const filters = process.argv.slice(2);
check('types', process.execPath, [bin(['typescript', 'bin', 'tsc']), '--noEmit', '--incremental', 'false']);
check('lint', process.execPath, [bin(['@biomejs', 'biome', 'bin', 'biome']), 'check', '--error-on-warnings', '.']);
check('unused code', process.execPath, [bin(['knip', 'bin', 'knip.js'])]);
vitest('unit', filters);
vitest('e2e', filters);
vitest('timed', filters);
rmSync(report, { recursive: true, force: true });
console.log(
  `${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`,
);
process.exit(counts.failed === 0 ? 0 : 1);
