import type { Clock } from '../../core/clock.ts';
import { systemRandom } from '../../core/random.ts';
import { createTracer, type SpanRecord, type Tracer } from '../../core/trace.ts';
import type { BidderConfig } from '../config.ts';

/** Spans that wait to be taken; more are left out, and counted. */
const MAX_SPANS = 1000;

/** The traces of one bid thread. */
export interface ThreadTraces {
  readonly tracer: Tracer;
  /** What is over since the last call; null when nothing is. */
  take(): { readonly spans: readonly SpanRecord[]; readonly dropped: number } | null;
}

/** @returns null when traces are off */
export function createThreadTraces(options: BidderConfig['traces'], clock: Clock): ThreadTraces | null {
  if (options === null) return null;
  let spans: SpanRecord[] = [];
  let dropped = 0;
  const tracer = createTracer({
    ...options,
    clock,
    random: systemRandom(),
    add(span) {
      if (spans.length < MAX_SPANS) spans.push(span);
      else dropped++;
    },
    onRefused: () => dropped++,
  });
  return {
    tracer,
    take() {
      if (spans.length === 0 && dropped === 0) return null;
      const taken = { spans, dropped };
      spans = [];
      dropped = 0;
      return taken;
    },
  };
}
