import { existsSync, readFileSync } from 'node:fs';
import type { Random } from '../../core/random.ts';
import { gaussian, type Market } from './market.ts';

/** Fen per thousand to nanos of one impression. */
const FEN_CPM_NANOS = 10_000;
const HOUR_MS = 3_600_000;
/** The day the replayed log is laid on: a Tuesday in UTC. */
export const REPLAY_DAY_MS = Date.parse('2026-11-24T00:00:00Z');

/** Settings are chosen on one half of the log's rows and scored on the other. */
export type LogPart = 'tuning' | 'scored';

/**
 * A day of the iPinYou log (columns: click, market price, predicted rate, hour; see shared data). Rows of an hour are
 * spread evenly inside it, in an order drawn by `random`, so that seeds differ.
 * @param part which half of the rows, by a hash of their number
 * @param share how much of that half to take, 0 to 1
 * @returns null when the file is not there
 */
export function replayMarket(path: string, random: Random, part: LogPart = 'scored', share = 1): Market | null {
  const rows = rowsOf(path);
  if (rows === null) return null;
  const first = rows.reduce((least, row) => Math.min(least, row[3]!), Number.POSITIVE_INFINITY);
  const last = rows.reduce((most, row) => Math.max(most, row[3]!), 0);
  const from = part === 'tuning' ? 0 : 0.5;
  const placed = rows
    .filter((_, at) => placeOf(at) >= from && placeOf(at) < from + share / 2)
    .map((row) => ({ row, key: row[3]! - first + random.next() }));
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
    knownShape: noisyShape(
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

let read: { readonly path: string; readonly rows: readonly (readonly number[])[] } | null = null;
/** The rows of the log, read once. */
function rowsOf(path: string): readonly (readonly number[])[] | null {
  if (read?.path === path) return read.rows;
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, 'utf8').split('\n');
  read = { path, rows: lines.filter((line) => line !== '').map((line) => line.split('\t').map(Number)) };
  return read.rows;
}

/** A number in [0, 1) by which rows are told apart, always the same for a row. */
function placeOf(row: number): number {
  return (Math.imul(row + 1, 0x9e3779b1) >>> 0) / 2 ** 32;
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

/** The weekday of REPLAY_DAY_MS in the shares' numbering, Monday 1. */
const TUESDAY = 2;

/**
 * One region's Tuesday by hourly traffic shares (`region_id,dow,hour,traffic_share`), and the average of its other
 * days, each as 96 quarter-hours. Every other region is kept for tuning.
 * @returns null when the file is not there
 */
export function regionDay(
  path: string,
  seed: number,
  part: LogPart,
): { readonly today: number[]; readonly otherDays: number[] } | null {
  if (!existsSync(path)) return null;
  const rows = readFileSync(path, 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').map(Number));
  const parity = part === 'tuning' ? 0 : 1;
  const regions = [...new Set(rows.map((row) => row[0]!))].filter((id, at) => id > 0 && at % 2 === parity);
  const region = regions[seed % regions.length];
  const today = new Float64Array(24);
  const others = new Float64Array(24);
  for (const [id, weekday, hour, share] of rows) {
    if (id !== region || hour === undefined || share === undefined) continue;
    if (weekday === TUESDAY) today[hour]! += share;
    else others[hour]! += share / 6;
  }
  const quarters = (hours: Float64Array): number[] =>
    Array.from({ length: 96 }, (_, slot) => hours[Math.floor(slot / 4)]!);
  return { today: quarters(today), otherDays: quarters(others) };
}
