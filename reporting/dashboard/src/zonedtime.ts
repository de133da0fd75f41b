const DAY_MS = 86_400_000;

const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const [number, hourCycle] = ['numeric', 'h23'] as const;
  const day = { year: number, month: number, day: number };
  const time = { hour: number, minute: number, second: number };
  const clock = clocks.get(timeZone) ?? new Intl.DateTimeFormat('en-US', { timeZone, hourCycle, ...day, ...time });
  clocks.set(timeZone, clock);
  return clock;
}

/** How far the clocks of a zone are ahead of UTC at an instant, ms. */
function offsetAt(atMs: number, timeZone: string): number {
  const parts = clockOf(timeZone).formatToParts(atMs);
  const part = (type: string): number => Number(parts.find((found) => found.type === type)?.value);
  const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return wall - Math.floor(atMs / 1000) * 1000;
}

/** An instant as the value of a datetime-local input: what the clocks of the zone show. '' for none. */
export function wallClock(atMs: number | null, timeZone: string): string {
  return atMs === null ? '' : new Date(atMs + offsetAt(atMs, timeZone)).toISOString().slice(0, 16);
}

/**
 * The instant at which the clocks of a zone show a time (`2026-11-24T18:00`). Of an hour that is shown twice the first is
 * meant; a time that is skipped counts as if the clocks had not been put forward yet. null for '', NaN for no time.
 */
export function instantOf(text: string, timeZone: string): number | null {
  if (text === '') return null;
  const wall = Date.parse(`${text}Z`);
  if (Number.isNaN(wall)) return Number.NaN;
  const before = wall - offsetAt(wall - DAY_MS, timeZone);
  const after = wall - offsetAt(wall + DAY_MS, timeZone);
  const shown = [before, after].filter((atMs) => atMs + offsetAt(atMs, timeZone) === wall);
  return shown.length === 0 ? before : Math.min(...shown);
}
