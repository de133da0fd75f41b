import type { ProfileMemory } from '../core/forecastmemory.ts';

/** Quarter-hours of a UTC day. */
export const SLOTS = 96;
export const SLOT_MS = 900_000;
export const DAY_MS = 86_400_000;
/** Share of a day that must have been watched for the day to count as history. */
export const WHOLE_DAY = 0.9;
/** After so many quarter-hours what was seen just now says nothing any more. */
export const NEAR_SLOTS = 14;
/** 1970-01-01 was a Thursday: days since then plus this, modulo 7, is 0 on Mondays. */
const WEEKDAY_SHIFT = 3;

const HOUR_SLOTS = 4;
const HOUR_MS = HOUR_SLOTS * SLOT_MS;
/** Requests in an hour from which its share of the day says something. */
const MIN_COUNT = 30;
/** The last hours that profile and flat day are compared on. */
const HOURS_COMPARED = 24;
/** Variance of ln(traffic of an hour / what the profile says) that is nothing special. */
const HOUR_VARIANCE = 0.04;
/** An hour further off than this (in ln) was a spike or a gap: it says no more than one that far off. */
const MAX_OFF = 1;
/** Log-odds of the profile before anything was seen. */
const PRIOR_BELIEF = 3;

/** The shape of the week of everything together: the parent all others are shrunk to. Shares of an average day. */
export interface WeekProfile {
  /** 7 × SLOTS, sums to 7. */
  readonly shares: Float64Array;
  /** Running sums of `shares`: what has come before each quarter-hour of the week. */
  readonly sums: Float64Array;
  /** Days that went into each weekday. */
  readonly days: Float64Array;
  /** Counts of the UTC day under way. */
  readonly today: Float64Array;
  todayIndex: number;
  /** How much of the UTC day under way was watched. */
  watchedMs: number;
  /** 1 while the profile foretells the ups and downs of traffic, towards 0 when a flat day would have been nearer. */
  belief: number;
  /** The last hours: ln of their traffic, and ln of what the profile gives them. */
  readonly hours: { readonly logCount: number; readonly logKnown: number }[];
  hourIndex: number;
  hourCount: number;
  hourWatchedMs: number;
  /** What all levels ask for in a round. */
  readonly near: NearShares;
}

/** Shares of the quarter-hours that begin at an instant, worked out once for all levels that ask for them. */
interface NearShares {
  fromMs: number;
  readonly shares: Float64Array;
}

/** @param shape relative traffic of the quarter-hours of a day, any scale; flat when nothing is known */
export function createWeekProfile(shape: readonly number[] = Array(SLOTS).fill(1)): WeekProfile {
  const total = shape.reduce((sum, one) => sum + one, 0);
  const shares = new Float64Array(7 * SLOTS);
  for (let at = 0; at < shares.length; at++) shares[at] = shape[at % SLOTS]! / total;
  const profile = {
    shares,
    sums: new Float64Array(7 * SLOTS + 1),
    days: new Float64Array(7),
    today: new Float64Array(SLOTS),
    todayIndex: -1,
    watchedMs: 0,
    belief: beliefOf(0),
    hours: [],
    hourIndex: -1,
    hourCount: 0,
    hourWatchedMs: 0,
    near: { fromMs: Number.NaN, shares: new Float64Array(NEAR_SLOTS) },
  };
  sumUp(profile);
  return profile;
}

/** Takes up what an earlier pacer had learned; the hour under way begins anew. */
export function recallProfile(profile: WeekProfile, memory: ProfileMemory): void {
  profile.shares.set(memory.shares);
  profile.days.set(memory.days);
  profile.today.set(memory.today);
  profile.todayIndex = memory.todayIndex;
  profile.watchedMs = memory.watchedMs;
  profile.belief = memory.belief;
  profile.hours.splice(0, profile.hours.length, ...memory.hours);
  sumUp(profile);
}

function sumUp(profile: WeekProfile): void {
  profile.near.fromMs = Number.NaN;
  for (let at = 0; at < profile.shares.length; at++)
    profile.sums[at + 1] = profile.sums[at]! + Math.max(0, profile.shares[at]!);
}

/** Average days' worth of traffic that the profile puts into [fromMs, toMs). */
export function profileShare(profile: WeekProfile, fromMs: number, toMs: number): number {
  return sinceMonday(profile, toMs) - sinceMonday(profile, fromMs);
}

/** `profileShare` of each of the NEAR_SLOTS quarter-hours from an instant on. */
export function nearShares(profile: WeekProfile, fromMs: number): Float64Array {
  const { near } = profile;
  if (near.fromMs !== fromMs) {
    near.fromMs = fromMs;
    for (let at = 0; at < NEAR_SLOTS; at++)
      near.shares[at] = profileShare(profile, fromMs + at * SLOT_MS, fromMs + (at + 1) * SLOT_MS);
  }
  return near.shares;
}

function sinceMonday(profile: WeekProfile, atMs: number): number {
  const slot = atMs / SLOT_MS + WEEKDAY_SHIFT * SLOTS;
  const whole = Math.floor(slot);
  const week = Math.floor(whole / (7 * SLOTS));
  const at = whole - week * 7 * SLOTS;
  const { sums } = profile;
  return week * sums[7 * SLOTS]! + sums[at]! + (slot - whole) * (sums[at + 1]! - sums[at]!);
}

/** Learns the shape of the week from all requests of [fromMs, toMs), at most a quarter-hour long. */
export function learnProfile(profile: WeekProfile, fromMs: number, toMs: number, count: number, outage: boolean): void {
  const slot = Math.floor(fromMs / SLOT_MS);
  const day = Math.floor(slot / SLOTS);
  if (profile.todayIndex !== day) closeDay(profile, day);
  profile.watchedMs += toMs - fromMs;
  profile.today[slot % SLOTS]! += count;
  const hour = Math.floor(slot / HOUR_SLOTS);
  if (hour !== profile.hourIndex) closeHour(profile, hour);
  if (outage) return;
  profile.hourCount += count;
  profile.hourWatchedMs += toMs - fromMs;
}

/** Compares the shape of the last hours with the profile's and with a flat one's. */
function closeHour(profile: WeekProfile, hour: number): void {
  const { hours, hourIndex, hourCount, hourWatchedMs } = profile;
  const known = profileShare(profile, hourIndex * HOUR_MS, (hourIndex + 1) * HOUR_MS);
  if (hourWatchedMs >= WHOLE_DAY * HOUR_MS && hourCount >= MIN_COUNT && known > 0) {
    hours.push({ logCount: Math.log((hourCount * HOUR_MS) / hourWatchedMs), logKnown: Math.log(known) });
    if (hours.length > HOURS_COMPARED) hours.shift();
    const flat = squaresOff(hours.map((one) => one.logCount));
    const shaped = squaresOff(hours.map((one) => one.logCount - one.logKnown));
    profile.belief = beliefOf((flat - shaped) / (2 * HOUR_VARIANCE));
  }
  profile.hourIndex = hour;
  profile.hourCount = 0;
  profile.hourWatchedMs = 0;
}

/** Sum of squared distances from the median, each cut where it says no more. */
function squaresOff(logs: readonly number[]): number {
  const median = [...logs].sort((a, b) => a - b)[logs.length >> 1] ?? 0;
  return logs.reduce((sum, one) => sum + Math.min(MAX_OFF, Math.abs(one - median)) ** 2, 0);
}

function beliefOf(logOdds: number): number {
  return 1 / (1 + Math.exp(Math.min(50, -logOdds - PRIOR_BELIEF)));
}

function closeDay(profile: WeekProfile, day: number): void {
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
    sumUp(profile);
  }
  profile.today.fill(0);
  profile.watchedMs = 0;
  profile.todayIndex = day;
}
