import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RoleMessage, roleMessageSchema } from '../messages.ts';
import { lowerPriority, NICENESS } from '../priority.ts';
import { projectRoot } from '../version.ts';

/** No bar: on a busy machine a store takes minutes to open. */
const READY_WITHIN_MS = 180_000;

/** One role as a real process that tests can kill. */
export interface RoleProcess {
  readonly ready: Extract<RoleMessage, { kind: 'ready' }>;
  readonly pid: number;
  /** Sends a signal and waits until the process is gone; resolves to how it ended. */
  end(signal: NodeJS.Signals): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts `evenkeel run --role=ROLE` from the built files and waits until it is ready. */
export function startRole(role: string, flags: readonly string[]): Promise<RoleProcess> {
  const child = fork(join(projectRoot, 'dist', 'app', 'cli.js'), ['run', `--role=${role}`, ...flags], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  // As the supervisor starts it.
  if (role === 'reporting' && child.pid !== undefined) lowerPriority(child.pid, NICENESS.reporting, false);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${role} was not ready within ${READY_WITHIN_MS} ms`));
    }, READY_WITHIN_MS);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`${role} ended before it was ready: ${code ?? signal}`));
    });
    child.on('message', (raw) => {
      const message = roleMessageSchema.parse(raw);
      if (message.kind !== 'ready') return;
      clearTimeout(timer);
      resolve({ ready: message, pid: child.pid ?? 0, end: (signal) => endProcess(child, signal) });
    });
  });
}

async function endProcess(child: ChildProcess, signal: NodeJS.Signals) {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }
  return { code: child.exitCode, signal: child.signalCode };
}

/** Below the ports that systems give to outgoing connections: one of those could be taken between this look and its use. */
const PORTS = { first: 11_000, count: 20_000 };

/** A port nobody listens on right now. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const port = PORTS.first + randomInt(PORTS.count);
    if (await isFree(port)) return port;
  }
  throw new Error('No free port was found.');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** What calling the API needs. */
export interface ApiAccess {
  readonly apiUrl: string;
  readonly operatorKey: string;
}

/** The whole product as two processes on free ports and a temporary data folder. */
export interface System extends ApiAccess {
  readonly dataDir: string;
  readonly bidUrl: string;
  bidder: RoleProcess;
  reporting: RoleProcess;
  restartBidder(): Promise<void>;
  restartReporting(): Promise<void>;
  /** Ends both gracefully and removes the data folder; resolves to their exit codes. */
  stop(): Promise<readonly (number | null)[]>;
}

/** @param dataDir a folder that holds something already; removed with the system */
export async function startSystem(
  extra: readonly string[] = [],
  reportingExtra: readonly string[] = [],
  dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-e2e-')),
): Promise<System> {
  const [bidPort, apiPort] = [await freePort(), await freePort()];
  const flags = [
    `--data-dir=${dataDir}`,
    `--bid-port=${bidPort}`,
    `--api-port=${apiPort}`,
    '--log-level=warn',
    '--drain-ms=0',
    '--trust-forwarded-for',
    ...extra,
  ];
  const startReporting = () => startRole('reporting', [...flags, ...reportingExtra]);
  const startBidder = () => startRole('bidder', flags);
  const reporting = await startReporting();
  const bidder = await startBidder();
  const secrets = JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8')) as { operatorKey: string };
  const system: System = {
    dataDir,
    bidUrl: `http://127.0.0.1:${bidPort}`,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    operatorKey: secrets.operatorKey,
    bidder,
    reporting,
    async restartBidder() {
      system.bidder = await startBidder();
    },
    async restartReporting() {
      system.reporting = await startReporting();
    },
    async stop() {
      const ends = [await system.bidder.end('SIGTERM'), await system.reporting.end('SIGTERM')];
      rmSync(dataDir, { recursive: true, force: true });
      return ends.map((end) => end.code);
    },
  };
  return system;
}

/** Runs an npm script to its end; not waited for in one go, so that the processes here go on being served. */
export async function npm(words: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn('npm', words, { cwd: projectRoot, env: { ...process.env, ...env } });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, printed };
}

/** Calls the API as the operator. */
export async function callApi<T>(system: ApiAccess, path: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(`${system.apiUrl}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${system.operatorKey}`, 'content-type': 'application/json', ...init.headers },
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** Waits until a condition holds, looking every 100 ms. */
export async function until(condition: () => Promise<boolean>, withinMs: number, what: string): Promise<void> {
  for (let waited = 0; waited < withinMs; waited += 100) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not within ${withinMs} ms: ${what}`);
}
