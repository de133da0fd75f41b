import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { read, root } from './deployfiles.case.ts';

/** The image's folder /app, laid out as the last stage of deploy/Dockerfile does, with production dependencies only. */
const dir = mkdtempSync(join(tmpdir(), 'evenkeel-image-'));
const app = join(dir, 'app');
const data = join(dir, 'data');
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const copies = [
  ...read('deploy/Dockerfile')
    .split(/^FROM /m)
    .at(-1)!
    .matchAll(/^COPY (.+)$/gm),
].map((match) => match[1]!);
/** What deploy/Dockerfile.dockerignore leaves out: tests, and the peers of the benches with their packages. */
const isLeftOut = (path: string): boolean =>
  /\.(test|e2e|timed|slow|soak|case)\.js(\.map)?$|\/loadtest\/peers$/.test(path);

beforeAll(() => {
  for (const copy of copies) {
    const [from = '', to = ''] = copy.replace(/^--from=\w+ /, '').split(' ');
    const source = from.replace(/^\/build\//, '');
    const target = join(app, to === './' ? source : to);
    mkdirSync(dirname(target), { recursive: true });
    if (source === 'node_modules') linkProductionDependencies(target);
    else cpSync(join(root, source), target, { recursive: true, filter: (path) => !isLeftOut(path) });
  }
});

/** What `npm ci --omit=dev` would install, as links. */
function linkProductionDependencies(target: string): void {
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { dev?: boolean }> };
  for (const [path, { dev }] of Object.entries(packages)) {
    if (dev === true || !/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) || !existsSync(join(root, path))) continue;
    const link = join(target, path.replace('node_modules/', ''));
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, path), link);
  }
}

const env = (extra: Record<string, string>) => ({
  PATH: process.env.PATH ?? '',
  NODE_ENV: 'production',
  EVENKEEL_DATA_DIR: data,
  ...extra,
});
const run = (args: readonly string[], extra: Record<string, string> = {}) =>
  spawnSync(process.execPath, ['--preserve-symlinks', ...args], { cwd: app, encoding: 'utf8', env: env(extra) });

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

it('imports nothing that is not installed in the image', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  const missing: string[] = [];
  for (const entry of readdirSync(join(app, 'dist'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.js') || entry.parentPath.includes('/dist/dashboard')) continue;
    const code = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    for (const [, name = ''] of code.matchAll(/^(?:import|export)\s[^'"]*?from '([^']+)'/gm)) {
      const packageName = name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/');
      const known =
        name.startsWith('.') ||
        name.startsWith('node:') ||
        builtinModules.includes(name) ||
        packageName in dependencies;
      if (!known) missing.push(`${entry.name} imports ${name}`);
    }
  }
  expect(missing).toEqual([]);
});

it('says its version and checks its configuration', () => {
  expect(run(['dist/app/cli.js', '--version'])).toMatchObject({ status: 0, stderr: '' });
  expect(run(['dist/app/cli.js', 'config', 'check']).status).toBe(0);
  expect(run(['dist/app/cli.js', 'config', 'check'], { EVENKEEL_BID_PORT: 'x' }).status).toBe(104);
});

it.each(['bidder', 'reporting'])(
  'starts the role %s as the container does, becomes healthy, drains on SIGTERM',
  async (role) => {
    const ports = { EVENKEEL_BID_PORT: String(await freePort()), EVENKEEL_API_PORT: String(await freePort()) };
    expect(run(['deploy/healthcheck.mjs'], ports).status, 'nothing listens yet').toBe(1);
    mkdirSync(data, { recursive: true });
    const [entry, ...fixed] = JSON.parse(/^ENTRYPOINT (.+)$/m.exec(read('deploy/Dockerfile'))?.[1] ?? '[]') as string[];
    expect(entry).toBe('node');
    const args = ['--preserve-symlinks', ...fixed, 'run', `--role=${role}`];
    const child = spawn(process.execPath, args, { cwd: app, env: env(ports), stdio: ['ignore', 'inherit', 'pipe'] });
    const exited = once(child, 'exit');
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    const url = `http://127.0.0.1:${role === 'bidder' ? ports.EVENKEEL_BID_PORT : ports.EVENKEEL_API_PORT}`;
    const status = (path: string) =>
      fetch(url + path)
        .then((answer) => answer.status)
        .catch(() => 0);
    for (let i = 0; i < 200 && (await status('/healthz/live')) !== 200; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(await status('/healthz/live'), log).toBe(200);
    const ready = (await status('/healthz/ready')) === 200;
    if (role === 'reporting') expect(ready, log).toBe(true);
    expect(run(['deploy/healthcheck.mjs'], ports).status, 'it says what /healthz/ready says').toBe(ready ? 0 : 1);
    child.kill('SIGTERM');
    expect(await exited, log).toEqual([0, null]);
  },
);
