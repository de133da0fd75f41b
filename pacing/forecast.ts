/** Quarter-hours of a UTC day. */
const SLOTS = 96;
const SLOT_MS = 900_000;
const DAY_MS = 86_400_000;
/** 1970-01-01 was a Thursday: days since then plus this, modulo 7, is 0 on Mondays. */
const WEEKDAY_SHIFT = 3;

/** How long what was seen just now says more about the near future than the whole day does. */
const NEAR_MS = 1_800_000;
const LONG_HALF_LIFE_MS = 24 * 3_600_000;
const RECENT_HALF_LIFE_MS = 15 * 60_000;
/** Own days that weigh as much as the parent's profile. */
const SHRINK_DAYS = 1;
/** Share of a day's traffic at which today's volume weighs as much as yesterday's. */
const SHRINK_SHARE = 1 / 48;
const MIN_EXPECTED_FOR_OUTAGE = 20;
/** Share of a day that must have been watched for the day to count as history. */
const WHOLE_DAY = 0.9;
const HOUR_SLOTS = 4;
const MIN_COUNT = 30;
/** Variance of ln traffic over four hours that is nothing special; errors fade over some days. */
const STEP_VARIANCE = 0.1;
const KEEP_ERROR = 0.98;
/** Log-odds of the profile before anything was seen. */
const PRIOR_BELIEF = 4;

/** The shape of the week of everything together: the parent all others are shrunk to. Shares of an average day. */
export interface WeekProfile {
  /** 7 × SLOTS, sums to 7. */
  readonly shares: Float64Array;
  /** Days that went into each weekday. */
  readonly days: Float64Array;
  /** Counts of the UTC day under way. */
  readonly today: Float64Array;
  todayIndex: number;
  /** How much of the UTC day under way was watched. */
  watchedMs: number;
  /** Squared errors of the profile and of a flat day, from quarter-hour to quarter-hour: how far to believe the profile. */
  errorProfile: number;
  errorFlat: number;
  lastSlot: number;
}

/** What is known about the traffic of one level. All counts are eligible auctions. */
export interface Traffic {
  /** Average counts per quarter-hour over its own past days. */
  readonly volume: Float32Array;
  readonly today: Float32Array;
  days: number;
  todayIndex: number;
  watchedMs: number;
  seenLong: number;
  expectedLong: number;
  seenRecent: number;
  expectedRecent: number;
}

/** @param shape relative traffic of the quarter-hours of a day, any scale; flat when nothing is known */
export function createWeekProfile(shape: readonly number[] = Array(SLOTS).fill(1)): WeekProfile {
  const sum = shape.reduce((total, one) => total + one, 0);
  const shares = new Float64Array(7 * SLOTS);
  for (let at = 0; at < shares.length; at++) shares[at] = shape[at % SLOTS]! / sum;
  return {
    shares,
    days: new Float64Array(7),
    today: new Float64Array(SLOTS),
    todayIndex: -1,
    watchedMs: 0,
    errorProfile: 0,
    errorFlat: 0,
    lastSlot: -1,
  };
}

export function createTraffic(): Traffic {
  return {
    volume: new Float32Array(SLOTS),
    today: new Float32Array(SLOTS),
    days: 0,
    todayIndex: -1,
    watchedMs: 0,
    seenLong: 0,
    expectedLong: 0,
    seenRecent: 0,
    expectedRecent: 0,
  };
}

function share(profile: WeekProfile, slotIndex: number): number {
  const day = Math.floor(slotIndex / SLOTS);
  const weekday = (((day + WEEKDAY_SHIFT) % 7) + 7) % 7;
  const known = profile.shares[weekday * SLOTS + (slotIndex - day * SLOTS)]!;
  const belief = beliefIn(profile);
  return belief * known + (1 - belief) / SLOTS;
}

/** 1 while the profile foretells the ups and downs of traffic, towards 0 when a flat day would have been nearer. */
function beliefIn(profile: WeekProfile): number {
  return (
    1 / (1 + Math.exp(Math.min(50, (profile.errorProfile - profile.errorFlat) / (2 * STEP_VARIANCE) - PRIOR_BELIEF)))
  );
}

/** Compares an hour with the one four hours before: did the profile or a flat day foretell the change better? */
function noteError(profile: WeekProfile, slot: number): void {
  const day = Math.floor(slot / SLOTS);
  const at = slot - day * SLOTS;
  if (at < 5 * HOUR_SLOTS || profile.watchedMs < 5 * HOUR_SLOTS * SLOT_MS || slot % HOUR_SLOTS !== 0) return;
  const weekday = (((day + WEEKDAY_SHIFT) % 7) + 7) % 7;
  let now = 0;
  let before = 0;
  let knownNow = 0;
  let knownBefore = 0;
  for (let back = 1; back <= HOUR_SLOTS; back++) {
    now += profile.today[at - back]!;
    before += profile.today[at - back - 4 * HOUR_SLOTS]!;
    knownNow += profile.shares[weekday * SLOTS + at - back]!;
    knownBefore += profile.shares[weekday * SLOTS + at - back - 4 * HOUR_SLOTS]!;
  }
  if (now < MIN_COUNT || before < MIN_COUNT || knownNow <= 0 || knownBefore <= 0) return;
  const change = Math.log(now / before);
  profile.errorProfile = profile.errorProfile * KEEP_ERROR + (change - Math.log(knownNow / knownBefore)) ** 2;
  profile.errorFlat = profile.errorFlat * KEEP_ERROR + change ** 2;
}

/** Auctions expected in one quarter-hour before today's correction. Without own days: a day's volume is 1. */
function base(profile: WeekProfile, traffic: Traffic, slotIndex: number): number {
  const parent = share(profile, slotIndex);
  if (traffic.days === 0) return parent;
  const own = traffic.volume[slotIndex % SLOTS]!;
  const total = totalOf(traffic);
  return (traffic.days * own + SHRINK_DAYS * parent * total) / (traffic.days + SHRINK_DAYS);
}

function totalOf(traffic: Traffic): number {
  let total = 0;
  for (const one of traffic.volume) total += one;
  return total;
}

function sumBase(profile: WeekProfile, traffic: Traffic, fromMs: number, toMs: number): number {
  let sum = 0;
  for (let at = fromMs; at < toMs; ) {
    const slot = Math.floor(at / SLOT_MS);
    const end = Math.min(toMs, (slot + 1) * SLOT_MS);
    sum += (base(profile, traffic, slot) * (end - at)) / SLOT_MS;
    at = end;
  }
  return sum;
}

/**
 * Takes in what a level saw in [fromMs, toMs), at most a quarter-hour long. An outage (nothing arrived anywhere while
 * much was expected) says nothing about demand and is left out.
 */
export function observe(
  profile: WeekProfile,
  traffic: Traffic,
  fromMs: number,
  toMs: number,
  count: number,
  outage: boolean,
): void {
  const slot = Math.floor(fromMs / SLOT_MS);
  const day = Math.floor(slot / SLOTS);
  if (traffic.todayIndex !== day) closeDay(traffic, day);
  const expected = sumBase(profile, traffic, fromMs, toMs);
  if (outage) {
    traffic.watchedMs += toMs - fromMs;
    traffic.today[slot % SLOTS]! += expected * longRatio(traffic);
    return;
  }
  traffic.watchedMs += toMs - fromMs;
  traffic.today[slot % SLOTS]! += count;
  const spanMs = toMs - fromMs;
  const keepLong = 2 ** (-spanMs / LONG_HALF_LIFE_MS);
  const keepRecent = 2 ** (-spanMs / RECENT_HALF_LIFE_MS);
  traffic.seenLong = traffic.seenLong * keepLong + count;
  traffic.expectedLong = traffic.expectedLong * keepLong + expected;
  traffic.seenRecent = traffic.seenRecent * keepRecent + count;
  traffic.expectedRecent = traffic.expectedRecent * keepRecent + expected;
}

/** Learns the parent's profile; returns whether the span was an outage. */
export function observeAll(
  profile: WeekProfile,
  all: Traffic,
  fromMs: number,
  toMs: number,
  requests: number,
): boolean {
  const expected = sumBase(profile, all, fromMs, toMs) * longRatio(all);
  const outage = requests === 0 && expected >= MIN_EXPECTED_FOR_OUTAGE;
  const slot = Math.floor(fromMs / SLOT_MS);
  const day = Math.floor(slot / SLOTS);
  if (profile.todayIndex !== day) closeProfileDay(profile, day);
  if (slot !== profile.lastSlot) noteError(profile, slot);
  profile.lastSlot = slot;
  profile.watchedMs += toMs - fromMs;
  profile.today[slot % SLOTS]! += outage ? expected : requests;
  observe(profile, all, fromMs, toMs, requests, outage);
  return outage;
}

function closeDay(traffic: Traffic, day: number): void {
  if (traffic.watchedMs >= WHOLE_DAY * DAY_MS && traffic.today.some((one) => one > 0)) {
    const weight = Math.max(1 / (traffic.days + 1), 0.3);
    for (let at = 0; at < SLOTS; at++)
      traffic.volume[at] = traffic.volume[at]! + weight * (traffic.today[at]! - traffic.volume[at]!);
    const first = traffic.days === 0;
    traffic.days++;
    // What was expected changed its unit from shares to counts: the old ratios do not apply.
    if (first) {
      const total = totalOf(traffic);
      traffic.expectedLong *= total;
      traffic.expectedRecent *= total;
    }
  }
  traffic.today.fill(0);
  traffic.watchedMs = 0;
  traffic.todayIndex = day;
}

function closeProfileDay(profile: WeekProfile, day: number): void {
  const total = profile.today.reduce((sum, one) => sum + one, 0);
  if (profile.watchedMs >= WHOLE_DAY * DAY_MS && total > 0) {
    const weekday = (profile.todayIndex + WEEKDAY_SHIFT) % 7;
    for (let which = 0; which < 7; which++) {
      // A weekday never seen follows the others for now.
      if (which !== weekday && profile.days[which]! > 0) continue;
      const weight = which === weekday ? Math.max(1 / (profile.days[which]! + 1.5), 0.3) : 0.5;
      for (let at = 0; at < SLOTS; at++) {
        const index = which * SLOTS + at;
        profile.shares[index]! += weight * (profile.today[at]! / total - profile.shares[index]!);
      }
    }
    profile.days[weekday]!++;
  }
  profile.today.fill(0);
  profile.watchedMs = 0;
  profile.todayIndex = day;
}

function longRatio(traffic: Traffic): number {
  const prior = traffic.days === 0 ? 0 : totalOf(traffic) * SHRINK_SHARE;
  const below = traffic.expectedLong + prior;
  return below === 0 ? 0 : (traffic.seenLong + prior) / below;
}

function recentRatio(traffic: Traffic, long: number): number {
  // Ten auctions' worth of the long view, so that a thin quarter-hour does not swing the forecast.
  const prior = long > 0 ? 10 / long : 0;
  const below = traffic.expectedRecent + prior;
  return below === 0 ? long : (traffic.seenRecent + prior * long) / below;
}

/**
 * Eligible auctions expected in [fromMs, toMs), seen from `nowMs`: the profile, scaled by today's volume, and near by
 * also by what the last minutes brought. 0 when nothing is known yet.
 */
export function expected(profile: WeekProfile, traffic: Traffic, nowMs: number, fromMs: number, toMs: number): number {
  if (toMs <= fromMs) return 0;
  const long = longRatio(traffic);
  const near = recentRatio(traffic, long) - long;
  let sum = 0;
  for (let at = fromMs; at < toMs; ) {
    const slot = Math.floor(at / SLOT_MS);
    const day = Math.floor(slot / SLOTS);
    const wholeDay = at === day * DAY_MS && at + DAY_MS <= toMs && at - nowMs > DAY_MS;
    const end = wholeDay ? at + DAY_MS : Math.min(toMs, (slot + 1) * SLOT_MS);
    if (wholeDay) sum += dayBase(profile, traffic, day) * long;
    else {
      const middle = (at + end) / 2;
      const ratio = long + near * Math.exp(-Math.max(0, middle - nowMs) / NEAR_MS);
      sum += ((base(profile, traffic, slot) * (end - at)) / SLOT_MS) * Math.max(0, ratio);
    }
    at = end;
  }
  return sum;
}

function dayBase(profile: WeekProfile, traffic: Traffic, day: number): number {
  if (traffic.days > 0) return totalOf(traffic);
  let sum = 0;
  for (let at = 0; at < SLOTS; at++) sum += share(profile, day * SLOTS + at);
  return sum;
}
