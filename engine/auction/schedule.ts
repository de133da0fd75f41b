import { zoneOffsetMs } from '../../core/budgetday.ts';
import type { Line } from '../catalog/line.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Offsets change at most at full quarters of an hour. */
const QUARTER_MS = HOUR_MS / 4;

interface KnownOffset {
  readonly quarter: number;
  readonly offsetMs: number;
}
const offsets = new Map<string, KnownOffset>();

/** Milliseconds to add to UTC in a zone, worked out once per quarter of an hour. */
function offsetMs(timeZone: string, nowMs: number): number {
  const quarter = Math.floor(nowMs / QUARTER_MS);
  const known = offsets.get(timeZone);
  if (known?.quarter === quarter) return known.offsetMs;
  const found = zoneOffsetMs(timeZone, nowMs);
  offsets.set(timeZone, { quarter, offsetMs: found });
  return found;
}

/** Whether a line item may bid now: inside its flight and in an hour that day-parting allows. */
export function isScheduled(line: Line, nowMs: number, userOffsetMinutes: number): boolean {
  if (nowMs < line.startMs || nowMs >= line.endMs) return false;
  if (line.hours === null) return true;
  const byUser = line.item.targeting.dayparting?.zone === 'user' && !Number.isNaN(userOffsetMinutes);
  const offset = byUser ? userOffsetMinutes * 60_000 : offsetMs(line.advertiser.timeZone, nowMs);
  const local = nowMs + offset;
  // 1 January 1970 was a Thursday: ISO weekday 4.
  const weekday = ((((Math.floor(local / DAY_MS) + 3) % 7) + 7) % 7) + 1;
  const hour = Math.floor((((local % DAY_MS) + DAY_MS) % DAY_MS) / HOUR_MS);
  return (line.hours[weekday]! & (1 << hour)) !== 0;
}
