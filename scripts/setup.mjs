// Installs the dependencies when node_modules does not match package-lock.json. Needs nothing but Node and npm.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs a command in the project's root; ends this process with its exit code when it fails. */
export function mustRun(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (done.error) {
    console.error(`evenkeel: could not run ${command}: ${done.error.message}`);
    process.exit(1);
  }
  if (done.status !== 0) process.exit(done.status ?? 1);
}

export function setup() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) {
    console.error(`evenkeel: Node.js 20 or newer is needed, this is ${process.version}.`);
    process.exit(1);
  }
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(JSON.stringify([dependencies, devDependencies]))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.evenkeel-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === `${lock} ${process.arch}`) return;
  console.log('evenkeel: installing dependencies (first start, or the lock file changed) …');
  // Not `npm ci`: it refuses a lock file that lacks other platforms' optional binaries, and a registry mirror may not
  // carry those. This installs the locked versions, checks their integrity, and leaves the lock file alone.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--include=dev'];
  mustRun('npm', args, { shell: process.platform === 'win32' });
  writeFileSync(stamp, `${lock} ${process.arch}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup();
