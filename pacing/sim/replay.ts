import { existsSync, readFileSync } from 'node:fs';
import type { Random } from '../../core/random.ts';
import { gaussian, type Market } from './market.ts';

/** Fen per thousand to nanos of one impression. */
const FEN_CPM_NANOS = 10_000;
const HOUR_MS = 3_600_000;
/** The day the replayed log is laid on: a Tuesday in UTC. */
export const REPLAY_DAY_MS = Date.parse('2026-11-24T00:00:00Z');

/**
 * A day of the iPinYou log (columns: click, market price, predicted rate, hour; see shared data). Rows of an hour are
 * spread evenly inside it, in an order drawn by `random`, so that seeds differ.
 * @param knownShape what the forecaster knows; the log's own hours with an error when not given
 * @param everyNth takes every nth row only
 * @returns null when the file is not there
 */
export function replayMarket(
  path: string,
  random: Random,
  knownShape?: readonly number[],
  everyNth = 1,
): Market | null {
  if (!existsSync(path)) return null;
  const rows = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line, at) => line !== '' && at % everyNth === 0)
    .map((line) => line.split('\t').map(Number));
  const first = rows.reduce((least, row) => Math.min(least, row[3]!), Number.POSITIVE_INFINITY);
  const last = rows.reduce((most, row) => Math.max(most, row[3]!), 0);
  const placed = rows.map((row) => ({ row, key: row[3]! - first + random.next() }));
  placed.sort((a, b) => a.key - b.key);
  const count = placed.length;
  const market = {
    name: 'ipinyou-2261',
    startMs: REPLAY_DAY_MS,
    endMs: REPLAY_DAY_MS + (last - first + 1) * HOUR_MS,
    atMs: new Float64Array(count),
    priceNanos: new Float64Array(count),
    rate: new Float64Array(count),
    click: new Uint8Array(count),
    knownShape:
      knownShape ??
      noisyShape(
        placed.map(({ key }) => key),
        last - first + 1,
        random,
      ),
  };
  placed.forEach(({ row, key }, at) => {
    market.atMs[at] = REPLAY_DAY_MS + Math.floor(key * HOUR_MS);
    market.priceNanos[at] = row[1]! * FEN_CPM_NANOS;
    market.rate[at] = row[2]!;
    market.click[at] = row[0]!;
  });
  return market;
}

/** How far a day's hours are from the days before: the error of the forecast, as a log-normal sigma. */
const HOUR_SIGMA = 0.15;

/** The log's own hours as another day would have shown them: what a forecaster with some days of history knows. */
function noisyShape(hours: readonly number[], count: number, random: Random): number[] {
  const totals = Array.from({ length: 24 }, () => 0);
  for (const hour of hours) totals[Math.floor(hour) % 24]!++;
  const average = hours.length / count;
  const noisy = totals.map((total) => (total || average) * Math.exp(HOUR_SIGMA * gaussian(random)));
  return Array.from({ length: 96 }, (_, slot) => noisy[Math.floor(slot / 4)]!);
}
