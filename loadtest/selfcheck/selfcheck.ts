import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { availableParallelism, setPriority } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { CodedError } from '../../core/errors.ts';
import { median } from '../report/median.ts';
import type { LatencySummary } from '../run/result.ts';
import type { Tally } from './excess.ts';
import { excessMs } from './excess.ts';
import type { SelfCheckName } from './stamp.ts';

/** One run of the sender against the echo. */
export interface SelfCheckTask {
  readonly url: string;
  /** A sleeping sender shows what a request costs, a precise one what it adds. */
  readonly pace: 'timer' | 'precise';
  readonly ratePerSecond: number;
  /** Measured after `warmupSeconds`, in which V8 still compiles. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly connections: number;
}

/** The same times kept by a program that sends nothing. */
export interface ControlTask {
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** What a request costs a sender, ms of CPU. */
  readonly workMs: number;
}

export interface SelfCheckRound extends Readonly<Record<SelfCheckName, LatencySummary>> {
  readonly pace: SelfCheckTask['pace'];
  readonly offeredPerSecond: number;
  readonly planned: number;
  readonly answered: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly answeredPerSecond: number;
  /** CPU of the whole sender process, its main thread included. */
  readonly cores: number;
  readonly answeredPerCpuSecond: number;
  readonly reported: LatencySummary;
  /** Share of time in which the sender was ready and another thread or program had its core; null where not told. */
  readonly waitedShare: number | null;
  /** 99th percentile of what the machine added to a program that sends nothing, taken just before, ms; null without one. */
  readonly controlP99Ms: number | null;
  /** 99th percentile of what the sender itself added: `undisturbed` beyond the control, ms; null without a control. */
  readonly ownP99Ms: number | null;
}

/** As the round's process tells it. */
export type MeasuredRound = Omit<SelfCheckRound, 'controlP99Ms' | 'ownP99Ms'> & {
  /** The values of `undisturbed`. */
  readonly tally: Tally;
};

export interface SelfCheckOptions {
  /** Arrivals per second of the rounds that are judged by what the sender adds. */
  readonly ratePerSecond: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Ends the check, which then throws. */
  readonly signal?: AbortSignal;
  readonly onRound?: (round: SelfCheckRound) => void;
}

export interface SelfCheckResult {
  /** What a request costs: a sender that sleeps when it has nothing to do. */
  readonly capacity: SelfCheckRound;
  readonly rounds: readonly SelfCheckRound[];
  /** Sender and echo were kept on a core each. */
  readonly pinned: boolean;
  /** They had a higher priority than other programs. */
  readonly preferred: boolean;
  readonly bars: readonly SelfCheckBar[];
  readonly passed: boolean;
}

export interface SelfCheckBar {
  readonly name: string;
  readonly value: number;
  readonly limit: number;
  /** The limit is the most, not the least. */
  readonly most: boolean;
  readonly ok: boolean;
}

/** Requests a second that one core must be able to send. */
const LEAST_PER_CORE = 20_000;
/** What the sender may add to a latency at half of that, 99th percentile, ms. */
const MOST_ADDED_P99_MS = 0.3;
/** So many requests must have been answered while no other program had the cores, or nothing is shown. */
const LEAST_UNDISTURBED = 10_000;
const CONNECTIONS = 256;
/** Compared with this, a percentile is its own excess. */
const NOTHING: Tally = [[0, 1]];
const PATIENCE_MS = 60_000;
/** Niceness of sender and echo where it is permitted. */
const PREFERENCE = -20;

/**
 * Measures what this sender adds to the latencies it reports, on this machine: against an echo that stamps its answers,
 * both on a core of their own where processes can be pinned, and preferred to other programs where that is permitted. Judged
 * is what was added while no other program had their cores, beyond what the machine added to a control that takes turns with
 * the sender on the same core, by the median of the rounds.
 * @throws CodedError `loadtest_not_built`, `loadtest_self_check_failed`
 */
export async function runSelfCheck(options: SelfCheckOptions): Promise<SelfCheckResult> {
  const pinned = availableParallelism() >= 2 && canPin();
  const echo = start('echo', [], pinned ? availableParallelism() - 1 : null);
  const preferred = prefer(echo);
  const children = [echo];
  const stop = (): void => {
    for (const child of children) child.kill();
  };
  options.signal?.addEventListener('abort', stop);
  try {
    const { port } = await messageOf<{ port: number }>(echo, 'echo');
    const { seconds, warmupSeconds } = options;
    const told = async <T>(name: string, task: SelfCheckTask | ControlTask): Promise<T> => {
      const child = start(name, [JSON.stringify(task)], pinned ? 0 : null);
      prefer(child);
      children.push(child);
      return messageOf<T>(child, name);
    };
    const measured = (ratePerSecond: number, pace: SelfCheckTask['pace']): Promise<MeasuredRound> => {
      const url = `http://127.0.0.1:${port}/bid`;
      return told('round', { url, pace, ratePerSecond, seconds, warmupSeconds, connections: CONNECTIONS });
    };
    const done = ({ tally, ...round }: MeasuredRound, control: Tally | null): SelfCheckRound => {
      const controlP99Ms = control === null ? null : excessMs(control, NOTHING, 99);
      const ownP99Ms = control === null ? null : excessMs(tally, control, 99);
      const finished = { ...round, controlP99Ms, ownP99Ms };
      options.onRound?.(finished);
      return finished;
    };
    const capacity = done(await measured(LEAST_PER_CORE, 'timer'), null);
    const { ratePerSecond } = options;
    const workMs = Math.min(0.8 / ratePerSecond, 1 / capacity.answeredPerCpuSecond) * 1000;
    const rounds: SelfCheckRound[] = [];
    while (rounds.length < options.rounds) {
      const control = await told<Tally>('control', { ratePerSecond, seconds, workMs });
      rounds.push(done(await measured(ratePerSecond, 'precise'), control));
    }
    const bars = barsOf(capacity, rounds);
    return { capacity, rounds, pinned, preferred, bars, passed: bars.every((bar) => bar.ok) };
  } finally {
    options.signal?.removeEventListener('abort', stop);
    stop();
  }
}

function barsOf(capacity: SelfCheckRound, rounds: readonly SelfCheckRound[]): SelfCheckBar[] {
  const perCore = capacity.answeredPerCpuSecond;
  const own = median(rounds.map((round) => round.ownP99Ms ?? Number.NaN));
  const sum = (of: (round: SelfCheckRound) => number): number => rounds.reduce((total, round) => total + of(round), 0);
  const undisturbed = sum((round) => round.undisturbed.count);
  const missing = sum((round) => round.planned - round.answered);
  const bar = (name: string, value: number, limit: number, most: boolean): SelfCheckBar => {
    return { name, value, limit, most, ok: most ? value <= limit : value >= limit };
  };
  return [
    bar('requests/s per core', perCore, LEAST_PER_CORE, false),
    bar('added to p99 by the sender itself, ms', own, MOST_ADDED_P99_MS, true),
    bar('requests that is said of (fewer: too busy a machine to judge)', undisturbed, LEAST_UNDISTURBED, false),
    bar('requests without an answer', missing, 0, true),
  ];
}

/** A built script of this folder. */
function start(name: string, args: readonly string[], core: number | null): ChildProcess {
  if (import.meta.url.endsWith('.ts')) {
    throw new CodedError('loadtest_not_built', 'A self-check runs from built code only.', 'Run `npm run build`.');
  }
  const script = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  // The main thread of a load test may tidy up its memory on another core; here it has none.
  const [execPath, ...execArgv] = [...(core === null ? [] : pin(core)), process.execPath, '--no-memory-reducer'];
  // A session of its own, so that its priority is not shared out among all that runs in this terminal.
  return fork(script, args, {
    execPath: execPath!,
    execArgv,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

const pin = (core: number): string[] => ['taskset', '--cpu-list', `${core}`];

function canPin(): boolean {
  return spawnSync('taskset', [...pin(0).slice(1), process.execPath, '--version'], { stdio: 'ignore' }).status === 0;
}

/**
 * Prefers a process to others, with nearly all of a core that both want. Not with real-time priority: what the system itself
 * has to do for its network runs at a usual one, and would have to wait.
 * @returns false where that is not permitted
 */
function prefer({ pid }: ChildProcess): boolean {
  if (pid === undefined) return false;
  try {
    setPriority(pid, PREFERENCE);
  } catch {
    return false;
  }
  try {
    // Linux shares cores out among sessions first.
    writeFileSync(`/proc/${pid}/autogroup`, `${PREFERENCE}`);
  } catch {
    // Not where it does not.
  }
  return true;
}
/** The first message of a child. */
async function messageOf<T>(child: ChildProcess, name: string): Promise<T> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), PATIENCE_MS);
  const ended = once(child, 'exit', { signal: abort.signal }).then(() => null);
  const told = once(child, 'message', { signal: abort.signal }).then(([message]) => message as T);
  const first = await Promise.race([told, ended]).catch(() => null);
  clearTimeout(timer);
  abort.abort();
  await Promise.allSettled([ended, told]);
  if (first !== null) return first;
  child.kill('SIGKILL');
  throw new CodedError('loadtest_self_check_failed', `The ${name} process ended early.`, 'Its own message is above.');
}
