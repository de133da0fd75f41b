import { describe, expect, it } from 'vitest';
import { createGcTrace } from './gctrace.ts';

describe('the collection trace', () => {
  it('adds up lines that come in pieces, and knows major from minor', () => {
    const trace = createGcTrace();
    const line = (gc: string, pause: number, allocated: number, isolate = 5) =>
      `[1:0x${isolate}]  50 ms: pause=${pause} mutator=2.0 gc=${gc} reduce_memory=0 allocated=${allocated} promoted=5\n`;
    const text = `${line('s', 1.5, 1000)}other output\n${line('ms', 7.25, 50)}${line('s', 0.5, 2000, 6)}`;
    for (let at = 0; at < text.length; at += 17) trace.take(text.slice(at, at + 17));
    expect(trace.totals()).toEqual({
      allocatedBytes: 3050,
      workerBytes: 2000,
      minor: 2,
      major: 1,
      minorPauseMs: 2,
      majorPauseMs: 7.25,
      longestMinorMs: 1.5,
      longestMajorMs: 7.25,
    });
  });
});
