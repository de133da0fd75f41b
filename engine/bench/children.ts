import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Usage } from '../../core/benchusage.ts';
import { CodedError } from '../../core/errors.ts';
import type { ClosedLoopTask, LoadTotals } from './closedloop.ts';
import { createGcTrace, type GcTrace } from './gctrace.ts';
import type { OpenLoopTask, OpenLoopTotals } from './openloop.ts';

/** A server under test in its own process. */
export interface ServerChild {
  readonly port: number;
  /** What it said about itself. */
  readonly note: string;
  readonly pid: number;
  readonly gc: GcTrace;
  usage(): Promise<Usage>;
  /** Sends a message that the script understands. */
  tell(message: string): void;
  /** CPU time of each thread, nanoseconds, where the system tells (Linux); the main thread has the process's id. */
  threads(): ReadonlyMap<number, number>;
  stop(): Promise<void>;
}

/** A hundred thousand line items take their time on a busy machine. */
const READY_MS = 180_000;

/** How to start a server: a built script of this folder or elsewhere that announces its port over IPC. */
export interface ServerSpec {
  readonly script: URL;
  readonly args: readonly string[];
  readonly nodeArgs?: readonly string[];
  /** Processor to keep it on, null for any. */
  readonly pin: number | null;
}

export async function startServer(spec: ServerSpec): Promise<ServerChild> {
  // Every collection as one line of name=value pairs: exact bytes allocated, exact pauses.
  const child = start(spec.script, spec.args, ['--trace-gc-nvp', ...(spec.nodeArgs ?? [])], spec.pin, 'pipe');
  const script = fileURLToPath(spec.script);
  const gc = createGcTrace();
  child.stdout?.on('data', (text: Buffer) => gc.take(text.toString()));
  const ready = await ask<{ port: number; note?: string }>(child, null, 'ready', script);
  const pid = child.pid ?? 0;
  return {
    port: ready.port,
    note: ready.note ?? '',
    pid,
    gc,
    usage: async () => (await ask<{ usage: Usage }>(child, 'usage', 'usage', script)).usage,
    tell: (message) => void child.send(message),
    threads: () => threadTimes(pid),
    stop: () => stop(child),
  };
}

export interface LoadChild {
  totals(): Promise<LoadTotals>;
  stop(): Promise<void>;
}

/** Starts the saturating client as a process of its own. */
export async function startLoad(task: ClosedLoopTask, pin: number | null): Promise<LoadChild> {
  const child = start(builtScript('loadchild'), [JSON.stringify(task)], [], pin, 'inherit');
  await ask(child, null, 'ready', 'loadchild');
  return {
    totals: async () => (await ask<{ totals: LoadTotals }>(child, 'totals', 'totals', 'loadchild')).totals,
    stop: () => stop(child),
  };
}

/** A built script of this folder. */
export function builtScript(name: string): URL {
  return new URL(`./${name}.js`, import.meta.url);
}

/** Runs an open-loop client as a process of its own, which ends by itself. */
export async function runOpenLoop(task: Partial<OpenLoopTask>, seconds: number): Promise<OpenLoopTotals> {
  const child = start(builtScript('openloopchild'), [JSON.stringify(task), `${seconds}`], [], null, 'pipe');
  let text = '';
  child.stdout?.on('data', (piece: Buffer) => {
    text += piece.toString();
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), (seconds + 30) * 1000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  if (code !== 0)
    throw new CodedError('bench.child_failed', `openloopchild ended with ${code}.`, 'See its own message.');
  return JSON.parse(text) as OpenLoopTotals;
}

function start(
  script: URL,
  args: readonly string[],
  nodeArgs: readonly string[],
  pin: number | null,
  stdout: 'pipe' | 'inherit',
): ChildProcess {
  const pinned = pin === null ? {} : { execPath: 'taskset' };
  // As batch processes neither side takes the processor from the other whenever it is sent something: without that a
  // server is interrupted by the client after almost every answer, the more so the longer a request takes.
  const execArgv = [...(pin === null ? [] : ['-c', `${pin}`, 'chrt', '-b', '0', process.execPath]), ...nodeArgs];
  return fork(fileURLToPath(script), [...args], { ...pinned, execArgv, stdio: ['ignore', stdout, 'inherit', 'ipc'] });
}

/**
 * The processor that server and client of a closed loop share: the server then always has a batch of requests waiting
 * and is never woken for a single one, which is what "saturated" means, however slow the client.
 * @returns null where processes can not be pinned
 */
export function sharedProcessor(): number | null {
  const found = spawnSync('taskset', ['-c', '0', 'chrt', '-b', '0', process.execPath, '--version'], {
    stdio: 'ignore',
  });
  return found.status === 0 ? availableParallelism() - 1 : null;
}

async function ask<T>(child: ChildProcess, question: string | null, kind: string, name: string): Promise<T> {
  if (question !== null) child.send(question);
  return new Promise<T>((resolve, reject) => {
    const fail = (how: string): void => {
      cleanUp();
      reject(new CodedError('bench.child_failed', `${name} ${how}.`, 'Build first; its own message is above.'));
    };
    const timer = setTimeout(() => fail(`did not answer "${kind}" within ${READY_MS / 1000} s`), READY_MS);
    const onMessage = (message: unknown): void => {
      if ((message as { kind?: string }).kind !== kind) return;
      cleanUp();
      resolve(message as T);
    };
    const onExit = (code: number | null): void => fail(`ended with code ${code}`);
    const cleanUp = (): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
    };
    child.on('message', onMessage);
    child.on('exit', onExit);
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(timer);
}

function threadTimes(pid: number): Map<number, number> {
  const times = new Map<number, number>();
  try {
    for (const tid of readdirSync(`/proc/${pid}/task`)) {
      const [ranNs = '0'] = readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ');
      times.set(Number(tid), Number(ranNs));
    }
  } catch {
    // Not Linux, or the thread has just ended: the process total is what counts.
  }
  return times;
}
