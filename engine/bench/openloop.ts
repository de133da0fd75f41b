import { connect, type Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { createAnswerReader } from './answers.ts';
import { prepareRequests } from './closedloop.ts';
import { createLatencyHistogram } from './latency.ts';

export interface OpenLoopTask {
  readonly port: number;
  readonly path: string;
  /** Arrivals per second, evenly spaced. */
  readonly rate: number;
  readonly connections: number;
  readonly seed: number;
  readonly requests: number;
}

export interface OpenLoopTotals {
  readonly sent: number;
  readonly answered: number;
  readonly bids: number;
  readonly noBids: number;
  readonly others: number;
  /** Arrivals for which every connection was still waiting: not sent, and not forgotten. */
  readonly dropped: number;
  /** From the moment the request was due to its answer: a late generator counts against the server. */
  readonly latencyMs: Percentiles;
  /** Those of answers with a bid. */
  readonly bidLatencyMs: Percentiles;
  /** How late the generator itself was with sending. */
  readonly latenessMs: Percentiles;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/**
 * Sends at a fixed rate whether or not answers come back, as an exchange does. A closed loop would wait with the server
 * and hide its stalls.
 */
export function startOpenLoop(
  task: OpenLoopTask,
  clock: Clock,
): { totals(): OpenLoopTotals; reset(): void; stop(): void } {
  const requests = prepareRequests(task.path, task.seed, task.requests);
  const latency = createLatencyHistogram();
  const bidLatency = createLatencyHistogram();
  const lateness = createLatencyHistogram();
  const count = { sent: 0, answered: 0, bids: 0, noBids: 0, others: 0, dropped: 0 };
  const free: Line[] = [];
  const lines = new Set<Line>();
  const startMs = clock.monotonicMs();
  let arrivals = 0;
  let next = 0;
  let stopped = false;

  interface Line {
    readonly socket: Socket;
    dueMs: number;
  }

  function open(): void {
    if (stopped) return;
    const reader = createAnswerReader();
    const onBytes = (length: number, bytes: Uint8Array): boolean => {
      const status = reader.take(bytes as Buffer, length);
      if (status === 0) return true;
      onAnswer(line, status);
      return true;
    };
    const socket = connect({
      port: task.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: Buffer.allocUnsafe(65_536), callback: onBytes },
    });
    const line: Line = { socket, dueMs: -1 };
    lines.add(line);
    socket.on('connect', () => free.push(line));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      lines.delete(line);
      const at = free.indexOf(line);
      if (at !== -1) free.splice(at, 1);
      if (line.dueMs >= 0) count.others++;
      open();
    });
  }

  function onAnswer(line: Line, status: number): void {
    const ms = clock.monotonicMs() - line.dueMs;
    line.dueMs = -1;
    latency.record(ms);
    count.answered++;
    if (status === 200) {
      bidLatency.record(ms);
      count.bids++;
    } else if (status === 204) count.noBids++;
    else count.others++;
    free.push(line);
  }

  function send(dueMs: number, nowMs: number): void {
    const line = free.pop();
    if (line === undefined) {
      count.dropped++;
      return;
    }
    line.dueMs = dueMs;
    lateness.record(nowMs - dueMs);
    count.sent++;
    line.socket.write(requests[next]!);
    next = next + 1 === requests.length ? 0 : next + 1;
  }

  function tick(): void {
    if (stopped) return;
    const nowMs = clock.monotonicMs();
    for (;;) {
      const dueMs = startMs + START_AFTER_MS + (arrivals * 1000) / task.rate;
      if (dueMs > nowMs) break;
      arrivals++;
      send(dueMs, nowMs);
    }
    // A timer is a millisecond coarse: at high rates the generator does not sleep.
    if (task.rate > 1500) setImmediate(tick);
    else setTimeout(tick, 1);
  }

  for (let i = 0; i < task.connections; i++) open();
  setTimeout(tick, START_AFTER_MS);
  const percentiles = (of: ReturnType<typeof createLatencyHistogram>): Percentiles => ({
    p50: of.at(0.5),
    p99: of.at(0.99),
    p999: of.at(0.999),
    max: of.maxMs,
  });
  return {
    totals: () => ({
      ...count,
      latencyMs: percentiles(latency),
      bidLatencyMs: percentiles(bidLatency),
      latenessMs: percentiles(lateness),
    }),
    reset() {
      for (const of of [latency, bidLatency, lateness]) of.reset();
      count.sent = count.answered = count.bids = count.noBids = count.others = count.dropped = 0;
    },
    stop() {
      stopped = true;
      for (const line of lines) line.socket.destroy();
    },
  };
}

/** Time to open the connections. */
const START_AFTER_MS = 300;
