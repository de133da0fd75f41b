import { localDate, localDay, zoneOffsetMs } from '../../core/budgetday.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Spans that move with the time of asking; days, weeks and months of the report's zone. */
export const periods = ['today', 'yesterday', 'last_7_days', 'last_30_days', 'this_month', 'last_month'] as const;
export type Period = (typeof periods)[number];

/** The span of a period: whole days, but for what ends now. */
export function spanOf(period: Period, timeZone: string, nowMs: number): { fromMs: number; toMs: number } {
  const today = localDate(timeZone, nowMs);
  const start = (date: string): number => startOf(date, timeZone);
  const month = `${today.slice(0, 8)}01`;
  switch (period) {
    case 'today':
      return { fromMs: start(today), toMs: nowMs };
    case 'yesterday':
      return { fromMs: start(shift(today, -1)), toMs: start(today) };
    case 'last_7_days':
      return { fromMs: start(shift(today, -7)), toMs: start(today) };
    case 'last_30_days':
      return { fromMs: start(shift(today, -30)), toMs: start(today) };
    case 'this_month':
      return { fromMs: start(month), toMs: nowMs };
    case 'last_month':
      return { fromMs: start(`${shift(month, -1).slice(0, 8)}01`), toMs: start(month) };
  }
}

/** When something scheduled is due next. A server that was away does it once, not once for every time it missed. */
export interface Schedule {
  readonly every: 'hour' | 'day' | 'week' | 'month';
  /** Hour of the day, in the report's zone; not for `hour`. Weeks begin on Monday. */
  readonly hour: number;
}

export function nextDue({ every, hour }: Schedule, timeZone: string, afterMs: number): number {
  if (every === 'hour') return (Math.floor(afterMs / HOUR_MS) + 1) * HOUR_MS;
  for (let date = localDate(timeZone, afterMs); ; date = shift(date, 1)) {
    const weekday = new Date(`${date}T00:00:00Z`).getUTCDay();
    if (every === 'week' && weekday !== 1) continue;
    if (every === 'month' && !date.endsWith('-01')) continue;
    const dueMs = instantOf(date, hour, timeZone);
    if (dueMs > afterMs) return dueMs;
  }
}

/** An hour of a local date. An hour that the clock skips is the one after it. */
function instantOf(date: string, hour: number, timeZone: string): number {
  const wallMs = Date.parse(`${date}T00:00:00Z`) + hour * HOUR_MS;
  const guessMs = wallMs - zoneOffsetMs(timeZone, Math.max(0, wallMs));
  return wallMs - zoneOffsetMs(timeZone, Math.max(0, guessMs));
}

function shift(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

function startOf(date: string, timeZone: string): number {
  return localDay(timeZone, instantOf(date, 12, timeZone)).startMs;
}
