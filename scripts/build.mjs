// Compiles TypeScript to dist/ and the dashboard to dist/dashboard/. Skips what is newer than its sources.
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mustRun, root, setup } from './setup.mjs';

const serverFolders = ['core', 'engine', 'pacing', 'reporting', 'loadtest', 'app'];

/** The newest modification time below some paths, leaving out what is installed or generated. */
function newest(paths) {
  let latest = 0;
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (!stat.isDirectory()) latest = Math.max(latest, stat.mtimeMs);
    else {
      latest = Math.max(latest, stat.mtimeMs);
      const entries = readdirSync(path).filter((entry) => entry !== 'node_modules' && entry !== 'dist');
      latest = Math.max(latest, newest(entries.map((entry) => join(path, entry))));
    }
  }
  return latest;
}

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

export function build() {
  setup();
  const sources = newest([...serverFolders.map((folder) => join(root, folder)), join(root, 'tsconfig.json')]);
  // Its own stamp: a type check alone renews the compiler's build info without writing a file.
  const stamp = join(root, 'dist', '.built');
  if (modified(stamp) < sources || !existsSync(join(root, 'dist', 'app', 'cli.js'))) {
    mustRun(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc')]);
    writeFileSync(stamp, '');
  }
  const dashboard = join(root, 'reporting', 'dashboard');
  if (!existsSync(join(dashboard, 'vite.config.ts'))) return;
  if (modified(join(root, 'dist', 'dashboard', 'index.html')) < newest([dashboard])) {
    mustRun(process.execPath, [
      join(root, 'node_modules', 'vite', 'bin', 'vite.js'),
      'build',
      '--logLevel',
      'warn',
      dashboard,
    ]);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build();
