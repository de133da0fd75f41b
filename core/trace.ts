import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

/** One finished piece of work of a trace, as OpenTelemetry knows it. Plain data: it crosses threads. */
export interface SpanRecord {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** '' for the first span of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: SpanKind;
  /** Milliseconds since the Unix epoch, with a fraction. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly failed: boolean;
}

export type SpanKind = 'internal' | 'server';

/** Who asked, as a `traceparent` header says it. */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/**
 * Reads a header of W3C Trace Context. Later versions may have more after the flags; version ff and ids of zeros are
 * invalid.
 * @returns null when it says nothing that can be used: then a trace begins here
 */
export function readTraceparent(header: string): TraceParent | null {
  const [, version, traceId = '', spanId = '', flags = '', rest = ''] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(header) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== '')) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** A span that has begun. */
export interface ActiveSpan {
  set(name: string, value: string | number): void;
  /** A part of it that is over. @param fromMs @param toMs monotonic */
  child(name: string, fromMs: number, toMs: number): void;
  /** @param failed the work did not do what was asked */
  end(failed?: boolean): void;
}

export interface Tracer {
  /**
   * Begins a trace, or takes part in the caller's. Costs a random number when it is not drawn.
   * @param traceparent what the caller sent, '' for nothing: if the caller draws its trace, so do we, and the other way round
   * @param startedMs monotonic; now when it is left out
   * @returns null for work that is not traced
   */
  start(name: string, kind: SpanKind, traceparent?: string, startedMs?: number): ActiveSpan | null;
}

export interface TracerOptions {
  /** Share of the work without a traced caller that is drawn, 0–1. */
  readonly ratio: number;
  /** Most traces begun in a second, whatever callers ask for. */
  readonly maxPerSecond: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Takes a span that is over. */
  readonly add: (span: SpanRecord) => void;
  /** A trace that was wanted is over the limit of its second. */
  readonly onRefused: () => void;
}

/** Draws work for traces and times it. */
export function createTracer({ ratio, maxPerSecond, clock, random, add, onRefused }: TracerOptions): Tracer {
  let second = 0;
  let begun = 0;

  function hasRoom(): boolean {
    const now = Math.floor(clock.monotonicMs() / 1000);
    if (now !== second) [second, begun] = [now, 0];
    if (begun++ < maxPerSecond) return true;
    onRefused();
    return false;
  }

  return {
    start(name, kind, traceparent = '', startedMs = clock.monotonicMs()) {
      const parent = traceparent === '' ? null : readTraceparent(traceparent);
      const wanted = parent === null ? random.next() < ratio : parent.sampled;
      if (!wanted || !hasRoom()) return null;
      const traceId = parent?.traceId ?? newId(random, 4);
      const spanId = newId(random, 2);
      const attributes: Record<string, string | number> = {};
      // The wall clock once, so that a clock that is set does not stretch a span.
      const toWallMs = clock.nowMs() - clock.monotonicMs();
      return {
        set(key, value) {
          attributes[key] = value;
        },
        child(part, fromMs, toMs) {
          const [startMs, endMs] = [toWallMs + fromMs, toWallMs + toMs];
          const own = { traceId, spanId: newId(random, 2), parentSpanId: spanId, startMs, endMs };
          add({ ...own, name: part, kind: 'internal', attributes: {}, failed: false });
        },
        end(failed = false) {
          const [startMs, endMs] = [toWallMs + startedMs, toWallMs + clock.monotonicMs()];
          add({ traceId, spanId, parentSpanId: parent?.spanId ?? '', name, kind, startMs, endMs, attributes, failed });
        },
      };
    },
  };
}

/** Random hex, never all zeros. */
function newId(random: Random, words: number): string {
  let id = '';
  for (let i = 0; i < words; i++) id += random.nextUint32().toString(16).padStart(8, '0');
  return /^0+$/.test(id) ? newId(random, words) : id;
}
