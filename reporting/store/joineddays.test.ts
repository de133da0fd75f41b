import { describe, expect, it } from 'vitest';
import { type ReportQueryInput, reportQuerySchema } from '../../core/report.ts';
import { reportSql } from './reportsql.ts';
import type { RolledDay } from './rollup.ts';

const DAY_MS = 86_400_000;
const MONDAY_MS = Date.UTC(2026, 9, 19);
const tables = { events: 'events', bidStats: 'bid_stats', rollups: 'rollups' };
/** Nine days from a Sunday on; each of the first three begins a week, 777, 778, 779. The second has a row of the day before. */
const days = Array.from({ length: 9 }, (_, i): RolledDay => {
  const fromMs = MONDAY_MS + (i - 1) * DAY_MS;
  const late = i === 1 ? DAY_MS / 2 : 0;
  const day = new Date(fromMs).toISOString().slice(0, 10);
  const joined = new Map(i < 3 ? [[7, String(777 + i)]] : []);
  return { day, build: String(100 + i), fromMs: fromMs - late, toMs: fromMs + DAY_MS, joined };
});

/** The builds that sums are read from. */
function buildsOf(query: Partial<ReportQueryInput> = {}, of = days): readonly string[] {
  const whole = {
    fromMs: MONDAY_MS - 3 * DAY_MS,
    toMs: MONDAY_MS + 9 * DAY_MS,
    metrics: ['impressions', 'reach'] as const,
    dimensions: ['lineItem'] as const,
  };
  const { text } = reportSql(reportQuerySchema.parse({ ...whole, ...query }), tables, of);
  return (/_weeks'\) AND build IN \(([^)]*)\)/.exec(text)?.[1] ?? '').split(', ');
}

describe('joined days', () => {
  it('are read from the newest day backwards, where their days are not told apart', () => {
    const apart = days.map(({ build }) => build);
    expect(buildsOf()).toEqual(['100', '101', '779']);
    expect(buildsOf({ metrics: ['clicks'], dimensions: ['domain'] })).toEqual(['100', '101', '779']);
    expect(buildsOf({ granularity: 'day' })).toEqual(apart);
    expect(buildsOf({ dimensions: ['lineItem', 'dayOfWeek'] })).toEqual(apart);
    expect(buildsOf({ filter: { dayOfWeek: [1] } })).toEqual(apart);
    expect(buildsOf({ toMs: MONDAY_MS + 7 * DAY_MS }), 'the last day is cut off').toEqual(['100', '778']);
    expect(buildsOf({ fromMs: MONDAY_MS, toMs: MONDAY_MS + 7 * DAY_MS }), 'a late row of the first day is').toEqual(
      apart.slice(1, 8),
    );
  });

  it('are read the longest first', () => {
    const many = Array.from({ length: 40 }, (_, i): RolledDay => {
      const fromMs = MONDAY_MS + i * DAY_MS;
      const lengths = [7, 28].filter((length) => i + length <= 40);
      const joined = new Map(lengths.map((length) => [length, `${length}${100 + i}`]));
      const day = new Date(fromMs).toISOString().slice(0, 10);
      return { day, build: String(100 + i), fromMs, toMs: fromMs + DAY_MS, joined };
    });
    const span = { fromMs: MONDAY_MS, toMs: MONDAY_MS + 40 * DAY_MS };
    expect(buildsOf(span, many)).toEqual([...['100', '101', '102', '103', '104'], '7105', '28112']);
    // Of sites no four weeks are kept.
    const sites = { ...span, metrics: ['clicks'], dimensions: ['domain'] } as const;
    expect(buildsOf(sites as never, many)).toEqual([
      ...['100', '101', '102', '103', '104'],
      ...['7105', '7112', '7119', '7126', '7133'],
    ]);
  });

  it('are not read where a day of theirs is left out', () => {
    const without = days.filter((_, i) => i !== 4);
    expect(buildsOf({}, without)).toEqual(without.map(({ build }) => build));
  });
});
