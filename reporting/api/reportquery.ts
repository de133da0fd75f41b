import { localDate, localDay } from '../../core/budgetday.ts';
import {
  REPORT_STEP_MS,
  type ReportDimension,
  type ReportQuery,
  reportDimensions,
  reportMetrics,
  reportQuerySchema,
} from '../../core/report.ts';
import type { Principal } from './keys.ts';
import { type Period, periods, spanOf } from './period.ts';
import { invalidField, invalidInput } from './problem.ts';

const DAY_MS = 86_400_000;
const DEFAULT_METRICS = ['impressions', 'clicks', 'ctr', 'spendNanos'];

/**
 * Reads the query string of a report. `from` and `to` are instants (ISO 8601 or milliseconds) or dates of the
 * report's time zone; a date as `to` includes that day. Instants are widened to the 10 s steps reports are kept in.
 * @throws Problem invalid_field
 */
export function parseReportQuery(params: URLSearchParams, nowMs: number): ReportQuery {
  const timeZone = params.get('timezone') ?? 'UTC';
  const zone = reportQuerySchema.shape.timeZone.safeParse(timeZone);
  if (!zone.success) throw invalidInput(zone.error, 'timezone');
  const { fromMs, toMs } = parseSpan(params, timeZone, nowMs);
  const orderBy = params.get('order');
  const limit = params.get('limit');
  const parsed = reportQuerySchema.safeParse({
    fromMs: Math.floor(fromMs / REPORT_STEP_MS) * REPORT_STEP_MS,
    toMs: Math.ceil(toMs / REPORT_STEP_MS) * REPORT_STEP_MS,
    granularity: params.get('granularity') ?? 'none',
    timeZone,
    dimensions: words(params.get('dimensions')),
    metrics: words(params.get('metrics') ?? DEFAULT_METRICS.join(',')),
    filter: parseFilter(params.getAll('filter')),
    orderBy: orderBy === null ? null : { by: orderBy.replace(/^-/, ''), descending: orderBy.startsWith('-') },
    limit: limit === null ? null : Number(limit),
    compare: params.get('compare') || null,
  });
  if (!parsed.success) throw invalidInput(parsed.error);
  return parsed.data;
}

function parseSpan(params: URLSearchParams, timeZone: string, nowMs: number): { fromMs: number; toMs: number } {
  const period = params.get('period');
  if (period === null || period === '') {
    const fromMs = parseTime(params.get('from'), timeZone, 'start') ?? localDay(timeZone, nowMs).startMs;
    return { fromMs, toMs: parseTime(params.get('to'), timeZone, 'end') ?? nowMs + REPORT_STEP_MS };
  }
  if (!isPeriod(period)) throw invalidField('period', `must be one of ${periods.join(', ')}`);
  if (params.get('from') || params.get('to')) throw invalidField('period', 'stands instead of from and to');
  const span = spanOf(period, timeZone, nowMs);
  // At midnight today has not begun to have a length yet.
  return { ...span, toMs: Math.max(span.toMs, span.fromMs + REPORT_STEP_MS) };
}

function isPeriod(text: string): text is Period {
  return (periods as readonly string[]).includes(text);
}

/**
 * Keeps a tenant inside its own data: whatever the filter says, its advertiser is one more condition. Bid counters may
 * come from bidders that know only campaigns, so for them the condition is the tenant's campaigns, which says the same.
 */
export function scoped(query: ReportQuery, principal: Principal, ownCampaigns: () => readonly number[]): ReportQuery {
  if (principal.advertiserId === null) return query;
  const { advertiser: asked, ...filter } = query.filter;
  const isOwn = asked === undefined || asked.includes(principal.advertiserId);
  if (!query.metrics.some((metric) => reportMetrics[metric].from !== 'events')) {
    return { ...query, filter: { ...filter, advertiser: isOwn ? [principal.advertiserId] : [] } };
  }
  const wanted = filter.campaign;
  const campaigns = isOwn ? ownCampaigns().filter((id) => wanted === undefined || wanted.includes(id)) : [];
  return { ...query, filter: { ...filter, campaign: [...campaigns] } };
}

function words(text: string | null): readonly string[] {
  return text === null || text === '' ? [] : text.split(',').map((word) => word.trim());
}

function parseTime(text: string | null, timeZone: string, edge: 'start' | 'end'): number | null {
  if (text === null || text === '') return null;
  const field = edge === 'start' ? 'from' : 'to';
  if (/^\d{10,16}$/.test(text)) return Number(text);
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    const day = dayOf(text, timeZone);
    if (day === null) throw invalidField(field, `there is no ${text} in ${timeZone}`);
    return edge === 'start' ? day.startMs : day.endMs;
  }
  const atMs = /^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:?\d{2})$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isFinite(atMs) || atMs < 0) {
    throw invalidField(
      field,
      'must be a date (2026-11-22), an instant with zone (2026-11-22T10:00:00Z) or milliseconds',
    );
  }
  return atMs;
}

function dayOf(date: string, timeZone: string): { startMs: number; endMs: number } | null {
  const noon = Date.parse(`${date}T12:00:00Z`);
  if (!Number.isFinite(noon)) return null;
  // Zones lie between UTC-12 and UTC+14: one of these instants is inside the wanted local day, if it exists.
  for (const atMs of [noon, noon - DAY_MS / 2, noon + DAY_MS / 2]) {
    if (atMs >= 0 && localDate(timeZone, atMs) === date) return localDay(timeZone, atMs);
  }
  return null;
}

/** `campaign:1,2;country:DEU`, repeatable, or one JSON object of lists. */
function parseFilter(texts: readonly string[]): Record<string, (string | number)[]> {
  if (texts.length === 1 && texts[0]!.startsWith('{')) {
    try {
      return JSON.parse(texts[0]!);
    } catch {
      throw invalidField('filter', 'is not JSON');
    }
  }
  const filter: Record<string, (string | number)[]> = {};
  for (const part of texts.flatMap((text) => text.split(';')).filter((text) => text !== '')) {
    const colon = part.indexOf(':');
    if (colon < 1) throw invalidField('filter', 'must look like campaign:1,2;country:DEU');
    const dimension = part.slice(0, colon);
    if (!Object.hasOwn(reportDimensions, dimension)) throw invalidField('filter', `"${dimension}" is not a dimension`);
    const numeric = reportDimensions[dimension as ReportDimension].kind === 'number';
    const values = words(part.slice(colon + 1)).map((value) => (numeric ? Number(value) : value));
    filter[dimension] = [...(filter[dimension] ?? []), ...values];
  }
  return filter;
}
