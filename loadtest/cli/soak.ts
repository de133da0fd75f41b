import { readdirSync } from 'node:fs';
import process from 'node:process';
import { anonymousMemoryBytes } from '../../core/anonymousmemory.ts';
import { exitCodes } from '../../core/exitcodes.ts';
import { median } from '../report/median.ts';
import type { SeriesPoint } from '../run/result.ts';
import { parseCommandLine } from './parse.ts';
import { ms } from './progress.ts';
import type { CommandDeps } from './rundraft.ts';
import { exitCodeOf, refuseWords, runDraft } from './rundraft.ts';
import { badOption } from './shapes.ts';
import { summaryText } from './summarytext.ts';

/** What a soak test watches beside the load, once a minute or sixty times in a run. */
export interface Vital {
  readonly atMs: number;
  readonly values: Readonly<Record<string, number>>;
}

/** How something changed between the first and the last third of a run. */
export interface Drift {
  readonly name: string;
  readonly first: number;
  readonly last: number;
  /** It is only shown otherwise. */
  readonly isJudged: boolean;
  /** It is judged, and grew by more than is noise. */
  readonly suspicious: boolean;
}

/** Growth that is still taken for noise: half as much again, and at least this much in the unit of the value. */
const GROWTH = 1.5;
const LEAST: Readonly<Record<string, number>> = {
  p99Ms: 5,
  rssBytes: 64 * 1_048_576,
  anonBytes: 64 * 1_048_576,
  files: 100,
};

/**
 * `loadtest soak`: a long run, after which latency, the server's memory and file handles (from `/metrics` beside the
 * bid endpoint, when there are any) and the sender's own are compared between the first and the last third.
 * A suspicious drift fails with exit code 99.
 */
export async function soakMode(args: readonly string[], deps: CommandDeps): Promise<number> {
  const { draft, words } = parseCommandLine(args, deps.apiKey);
  refuseWords(words);
  if (draft.forMs === null && draft.stages.length === 0) throw badOption('soak needs a time.', 'Add --for 8h.');
  const startMs = deps.clock.monotonicMs();
  const vitals: Vital[] = [];
  const metricsUrl = new URL('/metrics', draft.options.url).href;
  const look = async (): Promise<void> => {
    const values = { ...ownVitals(), ...(await serverVitals(metricsUrl)) };
    vitals.push({ atMs: deps.clock.monotonicMs() - startMs, values });
  };
  const timer = setInterval(() => void look(), Math.min(60_000, (draft.forMs ?? 3_600_000) / 60));
  const result = await runDraft(draft, deps);
  clearInterval(timer);
  const drifts = [...latencyDrifts(result.series), ...vitalDrifts(vitals)];
  deps.out.write(summaryText(result));
  deps.out.write(`\nDrift from the first to the last third of the run:\n${drifts.map(driftLine).join('')}`);
  const suspicious = drifts.filter((drift) => drift.suspicious);
  if (suspicious.length > 0) deps.out.write(`Suspicious: ${suspicious.map((drift) => drift.name).join(', ')}\n`);
  const code = exitCodeOf(result);
  return code === exitCodes.ok.code && suspicious.length > 0 ? exitCodes.slaFailed.code : code;
}

/**
 * Values at the beginning and the end, by median: single peaks are no drift. Of memory what has no file behind it is judged,
 * where that is known: pages of mapped files come as they are read and go when the system wants them.
 */
export function vitalDrifts(vitals: readonly Vital[]): Drift[] {
  const names = new Set(vitals.flatMap((vital) => Object.keys(vital.values)));
  return [...names].map((name) => {
    const values = vitals.map((vital) => vital.values[name]).filter((value) => value !== undefined);
    const isJudged = !name.endsWith(' rssBytes') || !names.has(name.replace('rssBytes', 'anonBytes'));
    return driftOf(name, values, isJudged);
  });
}

/** None when nothing was answered. */
function latencyDrifts(series: readonly SeriesPoint[]): Drift[] {
  const values = series.filter((point) => point.answeredRps > 0).map((point) => point.p99Ms);
  return values.length === 0 ? [] : [driftOf('latency p99Ms', values)];
}

function driftOf(name: string, values: readonly number[], isJudged = true): Drift {
  const third = Math.max(1, Math.floor(values.length / 3));
  const first = median(values.slice(0, third));
  const last = median(values.slice(-third));
  const least = LEAST[name.split(' ').at(-1)!] ?? 0;
  // Fewer than nine looks are too few to speak of drift.
  const hasGrown = values.length >= 9 && last > first * GROWTH && last - first > least;
  return { name, first, last, isJudged, suspicious: isJudged && hasGrown };
}

function driftLine({ name, first, last, isJudged, suspicious }: Drift): string {
  const show = (value: number): string => {
    if (name.endsWith('Bytes')) return `${(value / 1_048_576).toFixed(0)} MiB`;
    return name.endsWith('Ms') ? ms(value) : String(value);
  };
  return `  ${suspicious ? '!' : ' '} ${name.padEnd(20)} ${show(first)} → ${show(last)}${isJudged ? '' : ' (not judged: with mapped files)'}\n`;
}

function ownVitals(): Record<string, number> {
  const values: Record<string, number> = { 'sender rssBytes': process.memoryUsage().rss };
  const anonymous = anonymousMemoryBytes('self');
  if (anonymous !== null) values['sender anonBytes'] = anonymous;
  try {
    values['sender files'] = readdirSync('/proc/self/fd').length;
  } catch {
    // No /proc here: the number of open files is not known.
  }
  return values;
}

/** Memory and open files of the server from its Prometheus page; nothing when it has none. */
async function serverVitals(metricsUrl: string): Promise<Record<string, number>> {
  try {
    const response = await fetch(metricsUrl, { signal: AbortSignal.timeout(5000) });
    const text = response.ok ? await response.text() : '';
    const read = (metric: string): number | undefined => {
      const match = new RegExp(`^${metric}(?:\\{[^}]*\\})? ([0-9.e+]+)`, 'm').exec(text);
      return match === null ? undefined : Number(match[1]);
    };
    const values: Record<string, number> = {};
    const memory = read('(?:\\w+_)?process_resident_memory_bytes');
    const anonymous = read('(?:\\w+_)?process_anonymous_memory_bytes');
    const files = read('(?:\\w+_)?process_open_fds');
    if (memory !== undefined) values['server rssBytes'] = memory;
    if (anonymous !== undefined) values['server anonBytes'] = anonymous;
    if (files !== undefined) values['server files'] = files;
    return values;
  } catch {
    return {};
  }
}
