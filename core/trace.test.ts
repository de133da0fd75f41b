import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualClock } from './clock.ts';
import { seededRandom } from './random.ts';
import { createTracer, readTraceparent, type SpanRecord, type TracerOptions } from './trace.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('traceparent', () => {
  it.each([
    [`00-${TRACE}-${SPAN}-01`, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    [`00-${TRACE}-${SPAN}-03`, true],
    [`cc-${TRACE}-${SPAN}-01-what-comes-later`, true],
  ])('reads %s', (header, sampled) => {
    expect(readTraceparent(header)).toEqual({ traceId: TRACE, spanId: SPAN, sampled });
  });

  it.each([
    ['nothing', ''],
    ['an invalid version', `ff-${TRACE}-${SPAN}-01`],
    ['more than version 00 has', `00-${TRACE}-${SPAN}-01-x`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a cut one', `00-${TRACE}-${SPAN}`],
  ])('does not believe %s', (_, header) => {
    expect(readTraceparent(header)).toBeNull();
  });

  it('survives any text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        const read = readTraceparent(text);
        if (read !== null) expect(read.traceId).toMatch(/^[0-9a-f]{32}$/);
      }),
    );
  });
});

function setup(options: Partial<TracerOptions> = {}) {
  const clock = manualClock(1_790_000_000_000);
  const spans: SpanRecord[] = [];
  let refused = 0;
  const tracer = createTracer({
    ratio: 0,
    maxPerSecond: 1000,
    clock,
    random: seededRandom(1),
    add: (span) => spans.push(span),
    onRefused: () => refused++,
    ...options,
  });
  return { clock, spans, tracer, refused: () => refused };
}

describe('a tracer', () => {
  it('draws its share of what nobody else draws', () => {
    const { tracer } = setup({ ratio: 0.1, maxPerSecond: 100_000 });
    let drawn = 0;
    for (let i = 0; i < 20_000; i++) if (tracer.start('work', 'internal') !== null) drawn++;
    expect(drawn / 20_000).toBeCloseTo(0.1, 1);
  });

  it('takes part in a trace its caller draws, and in none it does not', () => {
    const { tracer, spans, clock } = setup({ ratio: 0.5 });
    for (let i = 0; i < 50; i++) expect(tracer.start('bid', 'server', `00-${TRACE}-${SPAN}-00`)).toBeNull();
    const span = tracer.start('bid', 'server', `00-${TRACE}-${SPAN}-01`);
    clock.advance(3);
    span?.child('bid.read', 0, 2);
    span?.set('evenkeel.exchange', 'demo');
    span?.end();
    const [child, root] = spans;
    expect(root).toMatchObject({ traceId: TRACE, parentSpanId: SPAN, name: 'bid', kind: 'server', failed: false });
    expect(root?.attributes).toEqual({ 'evenkeel.exchange': 'demo' });
    expect((root?.endMs ?? 0) - (root?.startMs ?? 0)).toBeCloseTo(3, 3);
    expect(child).toMatchObject({ traceId: TRACE, parentSpanId: root?.spanId, name: 'bid.read' });
    expect(child?.spanId).not.toBe(root?.spanId);
  });

  it('begins no more in a second than it may, whatever callers ask for, and says how many it refused', () => {
    const { tracer, clock, refused } = setup({ maxPerSecond: 5 });
    const begun = () => {
      let count = 0;
      for (let i = 0; i < 20; i++) if (tracer.start('bid', 'server', `00-${TRACE}-${SPAN}-01`) !== null) count++;
      return count;
    };
    expect([begun(), begun(), refused()]).toEqual([5, 0, 35]);
    clock.advance(1000);
    expect(begun()).toBe(5);
  });
});
