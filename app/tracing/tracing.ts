import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import { messageOf } from '../../core/errors.ts';
import { systemRandom } from '../../core/random.ts';
import { createTracer, type SpanRecord, type Tracer } from '../../core/trace.ts';
import type { Context } from '../context.ts';
import type { Stoppable } from '../lifecycle.ts';
import { version } from '../version.ts';
import { otlpJson, type TraceResource } from './otlp.ts';

/** Spans that wait for the receiver; more are dropped, and counted. */
const MAX_WAITING = 2048;
const BATCH = 512;
const SEND_EVERY_MS = 1000;
const TIMEOUT_MS = 5000;
/** Traces of one process in a second, however many callers draw theirs. */
export const MAX_TRACES_PER_SECOND = 50;

/** The traces of one process. */
export interface Tracing extends Stoppable {
  /** null when traces are off: then nothing is asked and nothing costs. */
  readonly tracer: Tracer | null;
  /** Takes spans that were made elsewhere, in a thread. @param dropped that never came this far */
  add(spans: readonly SpanRecord[], dropped: number): void;
}

/** Starts sending traces to `tracesUrl`; does nothing when it is empty. */
export function startTracing({ config, clock, logger }: Context, role: string, metrics: Registry): Tracing {
  const counts = spanCounter(metrics);
  if (config.tracesUrl === '') return { tracer: null, add() {}, stop: async () => {} };
  const resource = { role, version, pid: process.pid };
  const sender = createSender(config.tracesUrl, resource, {
    logger,
    count: (outcome, n) => counts.inc({ outcome }, n),
  });
  const tracer = createTracer({
    ratio: config.tracesRatio,
    maxPerSecond: MAX_TRACES_PER_SECOND,
    clock,
    random: systemRandom(),
    add: (span) => sender.add(span),
    onRefused: () => counts.inc({ outcome: 'dropped' }),
  });
  return {
    tracer,
    add(spans, dropped) {
      for (const span of spans) sender.add(span);
      if (dropped > 0) counts.inc({ outcome: 'dropped' }, dropped);
    },
    stop: sender.stop,
  };
}

function spanCounter(metrics: Registry): Counter<'outcome'> {
  return new Counter({
    name: 'evenkeel_trace_spans_total',
    help: 'Spans by what became of them.',
    labelNames: ['outcome'],
    registers: [metrics],
  });
}

export interface SenderDeps {
  readonly logger: Logger;
  readonly count: (outcome: 'sent' | 'dropped' | 'failed', spans: number) => void;
}

/** Sends spans in batches, one after the other. What can not be sent is given up: traces are never worth waiting for. */
export function createSender(url: string, resource: TraceResource, { logger, count }: SenderDeps) {
  let waiting: SpanRecord[] = [];
  let sending: Promise<void> | null = null;
  let failing = false;

  async function send(batch: readonly SpanRecord[]): Promise<void> {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(otlpJson(batch, resource)),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`the receiver answered ${answer.status}`);
      count('sent', batch.length);
      failing = false;
    } catch (error) {
      count('failed', batch.length);
      if (!failing) logger.warn({ code: 'traces.unsent', error: messageOf(error) }, 'traces can not be sent');
      failing = true;
    }
  }
  async function sendAll(): Promise<void> {
    // What comes while a batch is on its way goes with the next timer: a receiver that is slow gets no more.
    for (let left = Math.ceil(waiting.length / BATCH); left > 0; left--) {
      const batch = waiting.slice(0, BATCH);
      waiting = waiting.slice(BATCH);
      await send(batch);
    }
  }
  const timer = setInterval(() => {
    if (sending !== null || waiting.length === 0) return;
    sending = sendAll().finally(() => {
      sending = null;
    });
  }, SEND_EVERY_MS);
  return {
    add(span: SpanRecord): void {
      if (waiting.length < MAX_WAITING) waiting.push(span);
      else count('dropped', 1);
    },
    async stop(): Promise<void> {
      clearInterval(timer);
      await sending;
      if (!failing && waiting.length > 0) await sendAll();
    },
  };
}
