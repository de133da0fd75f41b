import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import process from 'node:process';
import { systemClock } from '../../core/clock.ts';
import { defaultOptions } from '../run/options.ts';
import { runLoadtest } from '../run/run.ts';
import type { MeasuredRound, SelfCheckTask } from './selfcheck.ts';

// One round of a self-check, in a process of its own so that it can be kept on one core: `node round.js TASK`.

const task = JSON.parse(process.argv[2] ?? '{}') as SelfCheckTask;
const { ratePerSecond, seconds, warmupSeconds, connections, url, pace } = task;
const warmupMs = warmupSeconds * 1000;
/** The measured part alone: set at its beginning, the difference at its end. */
let span = look();
const result = await runLoadtest(
  {
    ...defaultOptions,
    url,
    stages: [{ fromRps: ratePerSecond, toRps: ratePerSecond, durationMs: warmupMs + seconds * 1000 }],
    warmupMs,
    pace,
    market: null,
    connections,
    maxConnections: connections,
    timeoutMs: 5000,
    selfCheck: true,
  },
  {
    clock: systemClock,
    onProgress: ({ warmingUp }) => {
      if (warmingUp) span = look();
    },
    onPhase: (phase) => {
      if (phase === 'sending') preferBusiest();
      if (phase === 'draining') span = since(span);
    },
  },
);
const { counters, latency, measuredMs, sender } = result;
const answeredPerSecond = (counters.answered * 1000) / measuredMs;
const cores = span.cpuMs / span.wallMs;
const round: MeasuredRound = {
  pace,
  offeredPerSecond: ratePerSecond,
  planned: counters.planned,
  answered: counters.answered,
  faults: counters.faults,
  answeredPerSecond,
  cores,
  answeredPerCpuSecond: answeredPerSecond / cores,
  reported: latency,
  ...result.selfCheck!,
  waitedShare: sender.waitedShare,
};
process.send!(round, () => process.disconnect());

/**
 * Lets the sender's thread, which made the requests and is the busiest by far, go before the others of this process: in a load
 * test these find another core, here they share its. Nothing happens where the whole process has no preference.
 */
function preferBusiest(): void {
  try {
    const threads = readdirSync('/proc/self/task').map((id) => ({
      id: Number(id),
      ranNs: Number(readFileSync(`/proc/self/task/${id}/schedstat`, 'utf8').split(' ')[0]),
    }));
    const [, ...others] = threads.toSorted((a, b) => b.ranNs - a.ranNs);
    for (const { id } of others) setPriority(id, 0);
  } catch {
    // Another system: they stay equals.
  }
}

interface Span {
  readonly wallMs: number;
  readonly cpuMs: number;
}

function look(): Span {
  const { user, system } = process.cpuUsage();
  return { wallMs: systemClock.monotonicMs(), cpuMs: (user + system) / 1000 };
}

function since(start: Span): Span {
  const now = look();
  return { wallMs: now.wallMs - start.wallMs, cpuMs: now.cpuMs - start.cpuMs };
}
