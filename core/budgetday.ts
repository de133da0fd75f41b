/**
 * Days as an advertiser's time zone has them: 23 to 25 hours long on the days the clock changes.
 */
export interface LocalDay {
  /** `2026-11-22`, the local date. */
  readonly date: string;
  readonly startMs: number;
  /** The start of the next day. */
  readonly endMs: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(timeZone: string): Intl.DateTimeFormat {
  let found = formats.get(timeZone);
  if (found === undefined) {
    found = new Intl.DateTimeFormat('en-CA', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formats.set(timeZone, found);
  }
  return found;
}

/** The local date (`2026-11-22`) of an instant. @throws RangeError for an unknown time zone */
export function localDate(timeZone: string, atMs: number): string {
  const parts = fields(timeZone, atMs);
  return `${parts.year}-${parts.month}-${parts.day}`;
}

/** The local day that contains an instant. @throws RangeError for an unknown time zone */
export function localDay(timeZone: string, atMs: number): LocalDay {
  const cached = lastDay.get(timeZone);
  if (cached !== undefined && atMs >= cached.startMs && atMs < cached.endMs) return cached;
  const date = localDate(timeZone, atMs);
  const startMs = firstInstantOf(timeZone, date, atMs);
  // 12 hours past the shortest day's end is still inside the next day.
  const nextDate = localDate(timeZone, startMs + 36 * 3_600_000);
  const day = { date, startMs, endMs: firstInstantOf(timeZone, nextDate, startMs + 36 * 3_600_000) };
  lastDay.set(timeZone, day);
  return day;
}
const lastDay = new Map<string, LocalDay>();

/** Milliseconds to add to UTC to get local time at an instant. */
export function zoneOffsetMs(timeZone: string, atMs: number): number {
  const parts = fields(timeZone, atMs);
  const local = Date.UTC(
    Number(parts.year),
    Number(parts.month) - 1,
    Number(parts.day),
    Number(parts.hour),
    Number(parts.minute),
    Number(parts.second),
  );
  return local - Math.floor(atMs / 1000) * 1000;
}

/** The earliest instant whose local date is `date`, searched around an instant known to lie in that day. */
function firstInstantOf(timeZone: string, date: string, insideMs: number): number {
  let before = insideMs - 27 * 3_600_000;
  let inside = insideMs;
  while (inside - before > 1) {
    const middle = Math.floor((before + inside) / 2);
    if (localDate(timeZone, middle) === date) inside = middle;
    else before = middle;
  }
  return inside;
}

function fields(timeZone: string, atMs: number): Record<string, string> {
  const found: Record<string, string> = {};
  for (const part of format(timeZone).formatToParts(atMs)) found[part.type] = part.value;
  return found;
}
