import { describe, expect, it } from 'vitest';
import { type ReportQueryInput, reportQuerySchema } from '../../core/report.ts';
import { reportSql } from './reportsql.ts';
import type { RolledDay } from './rollup.ts';
import { mondayOf } from './weeks.ts';

const DAY_MS = 86_400_000;
const MONDAY_MS = Date.UTC(2026, 9, 19);
const tables = { events: 'events', bidStats: 'bid_stats', rollups: 'rollups' };
/** From the Sunday before to the Monday after; the week's build is 777. The first day has a row of the day before. */
const days = Array.from({ length: 9 }, (_, i): RolledDay => {
  const fromMs = MONDAY_MS + (i - 1) * DAY_MS;
  const isInWeek = i > 0 && i < 8;
  const late = i === 1 ? DAY_MS / 2 : 0;
  const day = new Date(fromMs).toISOString().slice(0, 10);
  return { day, build: String(100 + i), fromMs: fromMs - late, toMs: fromMs + DAY_MS, week: isInWeek ? '777' : null };
});

/** The builds that people are read from. */
function buildsOf(query: Partial<ReportQueryInput> = {}): readonly string[] {
  const whole = { fromMs: MONDAY_MS - 3 * DAY_MS, toMs: MONDAY_MS + 9 * DAY_MS, metrics: ['impressions', 'reach'] };
  const { text } = reportSql(reportQuerySchema.parse({ ...whole, ...query }), tables, days);
  return (/_reach_weeks'\) AND build IN \(([^)]*)\)/.exec(text)?.[1] ?? '').split(', ');
}

describe('people of whole weeks', () => {
  it('begin on Monday, also across the ends of years', () => {
    expect(['2026-10-19', '2026-10-25', '2027-01-01'].map(mondayOf)).toEqual([
      '2026-10-19',
      '2026-10-19',
      '2026-12-28',
    ]);
  });

  it('are read where a week is asked for as a whole and its days are not told apart', () => {
    const apart = days.map(({ build }) => build);
    expect(buildsOf()).toEqual(['100', '777', '108']);
    expect(buildsOf({ granularity: 'day' })).toEqual(apart);
    expect(buildsOf({ dimensions: ['dayOfWeek'] })).toEqual(apart);
    expect(buildsOf({ filter: { dayOfWeek: [1] } })).toEqual(apart);
    expect(buildsOf({ toMs: MONDAY_MS + 6 * DAY_MS }), 'Sunday is cut off').toEqual(apart.slice(0, 7));
    expect(buildsOf({ fromMs: MONDAY_MS }), 'a late row of the Sunday before is').toEqual(apart.slice(1));
  });
});
