import { createFingerprintSet, type FingerprintSet } from './fingerprint.ts';

/**
 * The ids that are taken in one log partition. Duplicates of an event carry the same signed bid time, so ids are kept
 * by the hour of their bid: one set to look in, and a whole set to forget when its hour passes the horizon.
 * Conversions, whose duplicates may come with another click or none, are kept by the day they were appended.
 */
export interface Claims {
  /** @returns false when the id is taken */
  take(eventId: string, bidAtMs: number): boolean;
  has(eventId: string, bidAtMs: number): boolean;
  takeConversion(eventId: string, appendedMs: number): boolean;
  /**
   * Moves the partition's time on and forgets ids past the horizon. Time never goes back, whatever a clock did: an id
   * that was forgotten must not be taken a second time.
   * @returns the partition's time, milliseconds since the epoch
   */
  advance(appendedMs: number): number;
  readonly size: number;
  readonly bytes: number;
}

export interface Horizons {
  /** How long after its bid an event may be appended. */
  readonly eventsMs: number;
  /** How long an order id is remembered. */
  readonly conversionsMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export function createClaims(horizons: Horizons): Claims {
  let nowMs = 0;
  const hours = new Map<number, FingerprintSet>();
  const days = new Map<number, FingerprintSet>();
  const setOf = (sets: Map<number, FingerprintSet>, key: number): FingerprintSet => {
    let set = sets.get(key);
    if (set === undefined) {
      set = createFingerprintSet();
      sets.set(key, set);
    }
    return set;
  };
  const sum = (of: (set: FingerprintSet) => number): number => {
    let total = 0;
    for (const set of hours.values()) total += of(set);
    for (const set of days.values()) total += of(set);
    return total;
  };
  return {
    take: (eventId, bidAtMs) => setOf(hours, Math.floor(bidAtMs / HOUR_MS)).add(eventId),
    has: (eventId, bidAtMs) => hours.get(Math.floor(bidAtMs / HOUR_MS))?.has(eventId) ?? false,
    takeConversion(eventId, appendedMs) {
      for (const set of days.values()) if (set.has(eventId)) return false;
      return setOf(days, Math.floor(appendedMs / DAY_MS)).add(eventId);
    },
    advance(appendedMs) {
      if (appendedMs <= nowMs) return nowMs;
      nowMs = appendedMs;
      const firstHour = Math.floor((nowMs - horizons.eventsMs) / HOUR_MS);
      for (const hour of hours.keys()) if (hour < firstHour) hours.delete(hour);
      const firstDay = Math.floor((nowMs - horizons.conversionsMs) / DAY_MS);
      for (const day of days.keys()) if (day < firstDay) days.delete(day);
      return nowMs;
    },
    get size() {
      return sum((set) => set.size);
    },
    get bytes() {
      return sum((set) => set.bytes);
    },
  };
}
