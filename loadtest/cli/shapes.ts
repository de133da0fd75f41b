import { readFileSync } from 'node:fs';
import { CodedError, messageOf } from '../../core/errors.ts';
import type { Stage } from '../send/schedule.ts';

/** Shapes of the arrival rate over time, as they are written on the command line. */
export interface Shape {
  readonly about: string;
  readonly example: string;
  parse(text: string): readonly Stage[];
}

/**
 * Share of a day's busiest hour, from midnight: a web audience that sleeps at four and peaks at nine in the evening.
 * A rounded guess, not a measurement.
 */
const DAY = [
  0.35, 0.25, 0.18, 0.14, 0.13, 0.16, 0.27, 0.42, 0.54, 0.61, 0.66, 0.7, 0.74, 0.73, 0.71, 0.72, 0.75, 0.8, 0.86, 0.93,
  0.98, 1, 0.85, 0.58,
];

export const shapes = {
  ramp: {
    about: 'arrival rate from A to B requests/s over a time',
    example: '0:5000:60s',
    parse(text) {
      const [from, to, duration] = parts(text, 3, 'ramp', '0:5000:60s');
      return [{ fromRps: rate(from), toRps: rate(to), durationMs: parseDuration(duration) }];
    },
  },
  steps: {
    about: 'one rate after the other, each for a time',
    example: '1000,2000,4000:30s',
    parse(text) {
      const [rates, duration] = parts(text, 2, 'steps', '1000,2000,4000:30s');
      const durationMs = parseDuration(duration);
      return rates.split(',').map((one) => ({ fromRps: rate(one), toRps: rate(one), durationMs }));
    },
  },
  spike: {
    about: 'a base rate, a sudden peak, and the base rate again, each for a time',
    example: '1000:8000:10s',
    parse(text) {
      const [base, peak, duration] = parts(text, 3, 'spike', '1000:8000:10s');
      const durationMs = parseDuration(duration);
      return [base, peak, base].map((one) => ({ fromRps: rate(one), toRps: rate(one), durationMs }));
    },
  },
  day: {
    about:
      'the shape of a day, pressed into a time; the rate is that of the busiest hour; :FILE replays your own shape, ' +
      'one number a line (the last column of a CSV), evenly spaced',
    example: '5000:10m',
    parse(text) {
      // A path may hold colons of its own.
      const path = /^[^:]*:[^:]*:(.+)$/.exec(text)?.[1];
      const [peak, duration] = parts(path === undefined ? text : text.slice(0, -path.length - 1), 2, 'day', '5000:10m');
      const shares = path === undefined ? DAY : readShape(path);
      const busiest = Math.max(...shares);
      const durationMs = parseDuration(duration) / shares.length;
      return shares.map((share, i) => ({
        fromRps: (rate(peak) * share) / busiest,
        toRps: (rate(peak) * shares[(i + 1) % shares.length]!) / busiest,
        durationMs,
      }));
    },
  },
} as const satisfies Record<string, Shape>;

const MAX_SHAPE_POINTS = 10_080;

/** Traffic over time as somebody has measured it: a number a line, or the last column of a CSV with or without a title. */
function readShape(path: string): readonly number[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw badOption(`--day: ${messageOf(error)}.`, 'Give a file with one number a line.');
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const numbers = lines.map((line) => Number(line.slice(line.lastIndexOf(',') + 1)));
  if (Number.isNaN(numbers[0])) numbers.shift();
  const bad = numbers.findIndex((share) => !Number.isFinite(share) || share < 0);
  if (bad >= 0 || numbers.length < 2 || numbers.length > MAX_SHAPE_POINTS || Math.max(...numbers) === 0) {
    throw badOption(
      `--day: ${path} is no shape of a day${bad >= 0 ? ` (number ${bad + 1} is not zero or more)` : ''}.`,
      `Give a file with 2 to ${MAX_SHAPE_POINTS} numbers, one a line, not all zero.`,
    );
  }
  return numbers;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const MAX_DURATION_MS = 7 * 24 * 3_600_000;
const MAX_RPS = 10_000_000;

/** `250ms`, `30s`, `5m`, `8h` in ms. @throws CodedError `loadtest_bad_option` */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim());
  const ms = match === null ? Number.NaN : Number(match[1]) * UNIT_MS[match[2]!]!;
  if (!(ms > 0) || ms > MAX_DURATION_MS) {
    throw badOption(`"${text}" is no duration.`, 'Write it like 250ms, 30s, 5m or 8h (at most 168h).');
  }
  return ms;
}

function rate(text: string): number {
  const rps = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(rps <= MAX_RPS)) throw badOption(`"${text}" is no rate.`, 'Give requests per second as a number.');
  return rps;
}

/** Requests per second. @throws CodedError `loadtest_bad_option` */
export function parseRate(text: string): number {
  const rps = rate(text);
  if (rps === 0) throw badOption('A rate of 0 sends nothing.', 'Give requests per second.');
  return rps;
}

function parts<const N extends 2 | 3>(text: string, count: N, name: string, example: string) {
  const found = text.split(':');
  if (found.length !== count) throw badOption(`--${name} "${text}" does not look like ${example}.`, 'See --help.');
  return found as unknown as N extends 2 ? [string, string] : [string, string, string];
}

export function badOption(problem: string, remedy: string): CodedError {
  return new CodedError('loadtest_bad_option', problem, remedy);
}
