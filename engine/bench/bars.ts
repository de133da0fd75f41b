import type { BidBenchRow } from './bid.ts';

/** A limit and how it was met. A required one fails the run, a goal is only reported. */
export interface Bar {
  readonly name: string;
  readonly limit: number;
  readonly value: number;
  readonly unit: string;
  readonly required: boolean;
  readonly ok: boolean;
}

/** The limits of the hot path. What was not measured (rows of a full run, allocation without a collection) is left out. */
export function barsOf(rows: readonly BidBenchRow[]): Bar[] {
  const row = (name: string): BidBenchRow | undefined => rows.find((one) => one.name === name);
  const ours = row('evenkeel-10000');
  const small = row('evenkeel-100');
  const large = row('evenkeel-100000');
  const bars: Bar[] = [];
  const add = (name: string, value: number, limit: number, unit: string, required: boolean): void => {
    if (Number.isNaN(value)) return;
    bars.push({ name, value, limit, unit, required, ok: value <= limit });
  };
  if (ours !== undefined) {
    add('a whole bid over 10,000 line items costs less than µWS + JSON.parse', ours.versusParse.median, 1, '×', true);
    add('at most three times the bare µWS floor', ours.versusUws.median, 3, '×', false);
    add('heap allocated a request, bid threads', ours.workerBytes, 1536, 'bytes', false);
    add('heap allocated a request, all threads', ours.allocatedBytes, 1536, 'bytes', false);
    add('longest major collection', ours.longestMajorMs, 5, 'ms', false);
  }
  if (ours !== undefined && small !== undefined) {
    add('10,000 line items against 100', ours.cpuUs.median / small.cpuUs.median, 1.5, '×', true);
  }
  if (large !== undefined && small !== undefined) {
    add('100,000 line items against 100', large.cpuUs.median / small.cpuUs.median, 2.5, '×', true);
  }
  return bars;
}
