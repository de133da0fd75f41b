import { zoneOffsetMs } from '../../core/budgetday.ts';
import type { ReportDimension, ReportQuery } from '../../core/report.ts';
import { eventSums } from './eventsums.ts';
import type { SumMetric } from './ratios.ts';

/** The time steps sums are kept at, and how a stored time becomes one. */
const steps = {
  quarter: { ms: 900_000, sql: 'TIME' },
  half: { ms: 1_800_000, sql: 'toStartOfInterval(TIME, INTERVAL 30 MINUTE)' },
  hour: { ms: 3_600_000, sql: 'toStartOfHour(TIME)' },
  day: { ms: 86_400_000, sql: 'toStartOfDay(TIME)' },
} as const;

/** One breakdown of the events of a day, summed up. */
export interface Cube {
  readonly name: string;
  readonly step: keyof typeof steps;
  /** Its columns beside the time. */
  readonly keys: readonly string[];
  /** The cube it is made of; the events unless told. */
  readonly from?: string;
}

const owner = ['advertiser_id', 'campaign_id'] as const;
const outcome = ['type', 'status', 'reason', 'detail'] as const;
const ad = ['line_item_id', 'creative_id', 'mtype', 'size', 'exchange', 'deal'] as const;

/**
 * The smallest first: a report is read from the first that knows what it asks for. Cubes of hours and half hours are for
 * the days of other zones, those without an owner for operators, who look at all of it at once.
 */
export const cubes: readonly Cube[] = [
  { name: 'all_countries', step: 'hour', keys: ['country'], from: 'countries' },
  { name: 'all_exchanges', step: 'hour', keys: ['exchange', 'mtype', 'size'], from: 'creatives' },
  { name: 'outcomes', step: 'day', keys: [...owner, 'line_item_id', ...outcome] },
  { name: 'all_devices', step: 'hour', keys: ['device_type', 'os'], from: 'devices' },
  { name: 'all_sites', step: 'day', keys: ['domain'], from: 'sites' },
  { name: 'all_regions', step: 'day', keys: ['country', 'region'], from: 'regions' },
  { name: 'campaigns', step: 'half', keys: [...owner], from: 'delivery' },
  { name: 'delivery', step: 'quarter', keys: [...owner, 'line_item_id'] },
  { name: 'device_days', step: 'day', keys: [...owner, 'device_type', 'os'], from: 'devices' },
  { name: 'country_days', step: 'day', keys: [...owner, 'country'], from: 'countries' },
  { name: 'creative_days', step: 'day', keys: [...owner, ...ad], from: 'creatives' },
  { name: 'devices', step: 'hour', keys: [...owner, 'device_type', 'os'] },
  { name: 'countries', step: 'hour', keys: [...owner, 'country'] },
  { name: 'creatives', step: 'hour', keys: [...owner, ...ad] },
  { name: 'sites', step: 'day', keys: [...owner, 'domain'] },
  { name: 'regions', step: 'day', keys: [...owner, 'country', 'region'] },
];
export const finestCube: Cube = cubes.find(({ step }) => step === 'quarter')!;

/** People: sketches of who saw an impression, which can be joined but not added. */
export const reachCubes: readonly Cube[] = [
  { name: 'all_reach', step: 'day', keys: [], from: 'reach' },
  { name: 'account_reach', step: 'day', keys: ['advertiser_id'], from: 'reach' },
  { name: 'campaign_reach', step: 'day', keys: [...owner], from: 'reach' },
  { name: 'reach', step: 'day', keys: [...owner, 'line_item_id'] },
];

/** Days that are joined once more, from each day on, and the cubes of many rows a day that are worth it; the longest first. */
export const joins = [
  { days: 28, suffix: '_4weeks', of: ['campaign_reach', 'reach'] },
  { days: 7, suffix: '_weeks', of: ['campaign_reach', 'reach', 'all_sites', 'all_regions'] },
] as const;
export type Join = (typeof joins)[number];

/** The cubes of a join, each made of that of days. */
export function joinedCubes({ suffix, of }: Join): readonly Cube[] {
  return [...reachCubes, ...cubes]
    .filter(({ name }) => (of as readonly string[]).includes(name))
    .map((cube) => ({ ...cube, name: `${cube.name}${suffix}`, from: cube.name }));
}

/** Joins that hold a cube, the longest first. */
export function joinsOf({ name }: Cube): readonly Join[] {
  return joins.filter(({ of }) => (of as readonly string[]).includes(name));
}

/**
 * How people are counted, everywhere the same so that sketches can be joined: in 4,096 cells, which is 1.04 / sqrt(4096) =
 * 1.6 % off as a standard deviation. Cells of four times the memory halve that and take four times as long to join.
 */
const PEOPLE_BITS = 12;
export const people = {
  stateIf: `uniqCombined64StateIf(${PEOPLE_BITS})`,
  mergeState: `uniqCombined64MergeState(${PEOPLE_BITS})`,
  merge: `uniqCombined64Merge(${PEOPLE_BITS})`,
} as const;

/** Metrics every cube but that of people holds, and their columns. */
export const cubeMetrics = Object.keys(eventSums) as readonly SumMetric[];
export const cubeColumn = (metric: SumMetric): string =>
  metric.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The columns a dimension is made of, beside the time. What is not named here no cube knows. */
const columnsOf: Partial<Record<ReportDimension, readonly string[]>> = {
  advertiser: ['advertiser_id'],
  campaign: ['campaign_id'],
  lineItem: ['line_item_id'],
  creative: ['creative_id'],
  exchange: ['exchange'],
  deal: ['deal'],
  domain: ['domain'],
  country: ['country'],
  region: ['region'],
  deviceType: ['device_type'],
  os: ['os'],
  format: ['mtype'],
  size: ['size'],
  hourOfDay: [],
  dayOfWeek: [],
  conversionType: ['type', 'detail'],
  eventType: ['type'],
  status: ['status'],
  reason: ['reason'],
};

/** The steps of a cube, as milliseconds and as SQL over TIME. */
export const stepOf = (cube: Cube): { readonly ms: number; readonly sql: string } => steps[cube.step];

/** The smallest cube that can answer a report's sums exactly, up to what its ends cut off; null when none can. */
export function cubeFor(query: ReportQuery): Cube | null {
  return cubes.find((cube) => knows(cube, query)) ?? null;
}

/** The same for people. */
export function reachCubeFor(query: ReportQuery): Cube | null {
  return reachCubes.find((cube) => knows(cube, query)) ?? null;
}

/** Whether a cube has a report's dimensions and filters, at steps its time can be cut from. */
function knows(cube: Cube, query: ReportQuery): boolean {
  const used = [...query.dimensions, ...(Object.keys(query.filter) as ReportDimension[])];
  if (!used.every((name) => columnsOf[name]?.every((column) => cube.keys.includes(column)))) return false;
  const stepMs = steps[cube.step].ms;
  if (query.granularity === 'minute') return false;
  if (query.granularity === 'hour' || used.includes('hourOfDay'))
    return stepMs <= steps.hour.ms && offsetsFit(query, stepMs);
  return (query.granularity === 'none' && !used.includes('dayOfWeek')) || offsetsFit(query, stepMs);
}

const SAMPLE_MS = 14 * 86_400_000;
const MAX_SAMPLES = 300;

/** Whether the zone's clock stands at a multiple of a step from UTC all through the report's time. */
function offsetsFit({ timeZone, fromMs, toMs }: ReportQuery, stepMs: number): boolean {
  if (timeZone === 'UTC') return true;
  // Rules change at most twice a year; a span is looked at every fortnight, one longer than eleven years is not.
  if (toMs - fromMs > MAX_SAMPLES * SAMPLE_MS) return stepMs <= steps.quarter.ms;
  for (let atMs = fromMs; atMs < toMs; atMs += SAMPLE_MS) if (zoneOffsetMs(timeZone, atMs) % stepMs !== 0) return false;
  return zoneOffsetMs(timeZone, toMs) % stepMs === 0;
}
