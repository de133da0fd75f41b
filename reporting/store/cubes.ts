import { zoneOffsetMs } from '../../core/budgetday.ts';
import type { ReportDimension, ReportQuery } from '../../core/report.ts';
import { eventSums } from './eventsums.ts';
import type { SumMetric } from './ratios.ts';

/** The time steps sums are kept at, and how a stored quarter of an hour becomes one. */
const steps = {
  quarter: { ms: 900_000, sql: 'quarter' },
  hour: { ms: 3_600_000, sql: 'toStartOfHour(quarter)' },
  day: { ms: 86_400_000, sql: 'toStartOfDay(quarter)' },
} as const;

/** One breakdown of the events of a day, summed up. Advertiser and campaign are known to all of them. */
export interface Cube {
  readonly name: string;
  readonly step: keyof typeof steps;
  /** Columns beside advertiser and campaign. */
  readonly keys: readonly string[];
}

/** The smallest first: a report is read from the first that knows what it asks for. */
export const cubes = [
  { name: 'outcomes', step: 'day', keys: ['line_item_id', 'type', 'status', 'reason', 'detail'] },
  { name: 'delivery', step: 'quarter', keys: ['line_item_id'] },
  { name: 'devices', step: 'hour', keys: ['device_type', 'os'] },
  { name: 'countries', step: 'hour', keys: ['country'] },
  { name: 'creatives', step: 'hour', keys: ['line_item_id', 'creative_id', 'mtype', 'size', 'exchange', 'deal'] },
  { name: 'sites', step: 'day', keys: ['domain'] },
  { name: 'regions', step: 'day', keys: ['country', 'region'] },
] as const satisfies readonly Cube[];

/** People: sketches of who saw an impression, which can be joined but not added. */
export const reachCube = { name: 'reach', step: 'day', keys: ['line_item_id'] } as const satisfies Cube;

/** Metrics every cube but that of people holds, and their columns. */
export const cubeMetrics = Object.keys(eventSums) as readonly SumMetric[];
export const cubeColumn = (metric: SumMetric): string =>
  metric.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The columns a dimension is made of, beside the time. What is not named here no cube knows. */
const columnsOf: Partial<Record<ReportDimension, readonly string[]>> = {
  advertiser: [],
  campaign: [],
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

/** The steps of a cube, as milliseconds and as SQL over the `quarter` of events. */
export const stepOf = (cube: Cube): { readonly ms: number; readonly sql: string } => steps[cube.step];

/** The smallest cube that can answer a report's sums exactly, up to what its ends cut off; null when none can. */
export function cubeFor(query: ReportQuery): Cube | null {
  return cubes.find((cube) => knows(cube, query)) ?? null;
}

/** Whether a cube has a report's dimensions and filters, at steps its time can be cut from. */
export function knows(cube: Cube, query: ReportQuery): boolean {
  const used = [...query.dimensions, ...(Object.keys(query.filter) as ReportDimension[])];
  const keys: readonly string[] = cube.keys;
  if (!used.every((name) => columnsOf[name]?.every((column) => keys.includes(column)))) return false;
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
