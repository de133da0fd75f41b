import type { TrafficMemory } from '../core/forecastmemory.ts';
import { createRows, NOWHERE, type Row } from './rows.ts';
import {
  DAY_MS,
  learnProfile,
  NEAR_SLOTS,
  nearShares,
  profileShare,
  SLOT_MS,
  SLOTS,
  type WeekProfile,
  WHOLE_DAY,
} from './weekprofile.ts';

/** How long what was seen just now says more about the near future than the whole day does. */
const NEAR_MS = 1_800_000;
/** By how much of that each quarter-hour from now on still follows it. */
const FADES = Float64Array.from({ length: NEAR_SLOTS }, (_, at) => Math.exp((-(at + 0.5) * SLOT_MS) / NEAR_MS));
const LONG_HALF_LIFE_MS = 24 * 3_600_000;
const RECENT_HALF_LIFE_MS = 15 * 60_000;
/** Own days that weigh as much as the parent's profile. */
const SHRINK_DAYS = 1;
/** Share of a day's traffic at which today's volume weighs as much as yesterday's. */
const SHRINK_SHARE = 1 / 48;
/** Auctions' worth of the long view in the recent one, so that a thin quarter-hour does not swing the forecast. */
const RECENT_PRIOR = 10;
const MIN_EXPECTED_FOR_OUTAGE = 20;
/** A day's traffic can be judged by what comes once this share of a day has been seen. */
const KNOWN_SHARE = 1 / 12;
/** Within these factors of the expected, and so much chance, traffic says something about the whole day. */
const BUSY = 1.3;
const QUIET = 0.7;
const CHANCE_SIGMAS = 2;

/**
 * What is known about the traffic of one level, in a row of numbers: those with a name, then running sums of the average
 * counts per quarter-hour over its own past days, then those counts, then today's. All counts are eligible auctions.
 */
export type Traffic = Row<(typeof NUMBERS)[number]>;

const NUMBERS = [
  'days',
  'todayIndex',
  'watchedMs',
  /** Seen lately (half-life a day), and what the profile and a flat day gave for the same time. */
  'seenLong',
  'expectedLong',
  'expectedFlat',
  /** Seen in about the last quarter-hour, and what the long view had expected of it. */
  'seenRecent',
  'expectedRecent',
] as const;
const SUMS = NUMBERS.length;
const VOLUME = SUMS + SLOTS + 1;
const TODAY = VOLUME + SLOTS;
const trafficOf = createRows(NUMBERS, TODAY + SLOTS - SUMS);

export function createTraffic(): Traffic {
  const traffic = trafficOf({ values: NOWHERE, at: 0 });
  traffic.todayIndex = -1;
  return traffic;
}

/** What is kept of it for the next pacer. */
export function trafficMemory(traffic: Traffic): TrafficMemory {
  const { values, at, days, todayIndex, watchedMs } = traffic;
  return {
    volume: days === 0 ? [] : Array.from(values.subarray(at + VOLUME, at + VOLUME + SLOTS), short),
    today: Array.from(values.subarray(at + TODAY, at + TODAY + SLOTS), short),
    days,
    todayIndex,
    watchedMs,
    seenLong: short(traffic.seenLong),
    expectedLong: short(traffic.expectedLong),
    expectedFlat: short(traffic.expectedFlat),
    seenRecent: short(traffic.seenRecent),
    expectedRecent: short(traffic.expectedRecent),
  };
}

/** Six digits say enough of a count. */
export function short(value: number): number {
  return Number(value.toPrecision(6));
}

/** Takes up what an earlier pacer had seen. */
export function recallTraffic(traffic: Traffic, memory: TrafficMemory): void {
  const { volume, today, ...rest } = memory;
  const { values, at } = traffic;
  values.fill(0, at + SUMS, at + TODAY + SLOTS);
  values.set(volume, at + VOLUME);
  sumUp(traffic);
  values.set(today, at + TODAY);
  Object.assign(traffic, rest);
}

function sumUp({ values, at }: Traffic): void {
  for (let slot = 0; slot < SLOTS; slot++)
    values[at + SUMS + slot + 1] = values[at + SUMS + slot]! + values[at + VOLUME + slot]!;
}

/** Auctions of a day by its own history; without one a day's volume is 1. */
function volumeOf(traffic: Traffic): number {
  return traffic.days === 0 ? 1 : traffic.values[traffic.at + SUMS + SLOTS]!;
}

/** Auctions in a span before today's correction: own past days, shrunk to the profile of all. */
function shaped(traffic: Traffic, fromMs: number, toMs: number, profileShare: number): number {
  const parent = profileShare * volumeOf(traffic);
  if (traffic.days === 0) return parent;
  const own = sinceEver(traffic, toMs) - sinceEver(traffic, fromMs);
  return (traffic.days * own + SHRINK_DAYS * parent) / (traffic.days + SHRINK_DAYS);
}

function sinceEver(traffic: Traffic, atMs: number): number {
  const slot = atMs / SLOT_MS;
  const whole = Math.floor(slot);
  const day = Math.floor(whole / SLOTS);
  const { values } = traffic;
  const first = traffic.at + SUMS;
  const at = first + whole - day * SLOTS;
  return day * values[first + SLOTS]! + values[at]! + (slot - whole) * (values[at + 1]! - values[at]!);
}

/** Two forecasts, each with its own correction by today's volume, weighed by how far the profile is believed. */
function longView(
  profile: WeekProfile,
  traffic: Traffic,
  fromMs: number,
  toMs: number,
  share = profileShare(profile, fromMs, toMs),
): number {
  const { belief } = profile;
  const byProfile = ratioOf(traffic, traffic.expectedLong) * shaped(traffic, fromMs, toMs, share);
  if (belief > 0.999) return byProfile;
  const flat = (volumeOf(traffic) * (toMs - fromMs)) / DAY_MS;
  return belief * byProfile + (1 - belief) * ratioOf(traffic, traffic.expectedFlat) * flat;
}

function ratioOf(traffic: Traffic, expectedNow: number): number {
  const prior = traffic.days === 0 ? 0 : volumeOf(traffic) * SHRINK_SHARE;
  const below = expectedNow + prior;
  return below === 0 ? 0 : (traffic.seenLong + prior) / below;
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
  if (isUntouched(traffic) && count === 0) return;
  const spanMs = toMs - fromMs;
  traffic.watchedMs += spanMs;
  if (outage) {
    addToday(traffic, slot, longView(profile, traffic, fromMs, toMs));
    return;
  }
  addToday(traffic, slot, count);
  const share = profileShare(profile, fromMs, toMs);
  const keepLong = 2 ** (-spanMs / LONG_HALF_LIFE_MS);
  const keepRecent = 2 ** (-spanMs / RECENT_HALF_LIFE_MS);
  traffic.seenLong = traffic.seenLong * keepLong + usualPart(profile, traffic, fromMs, toMs, count, share);
  traffic.expectedLong = traffic.expectedLong * keepLong + shaped(traffic, fromMs, toMs, share);
  traffic.expectedFlat = traffic.expectedFlat * keepLong + (volumeOf(traffic) * spanMs) / DAY_MS;
  traffic.seenRecent = traffic.seenRecent * keepRecent + count;
  traffic.expectedRecent = traffic.expectedRecent * keepRecent + longView(profile, traffic, fromMs, toMs, share);
}

/** Before its first request nothing is known of it: the silence is not a quiet day to measure the first traffic by. */
function isUntouched(traffic: Traffic): boolean {
  return traffic.days === 0 && traffic.seenLong === 0;
}

/**
 * What a count says about the whole day: one far off what was expected is a spike or a gap that passes, and counts only
 * as far as it might have been a busy or a quiet day. If it stays, the expectation follows, and so does the bound.
 */
function usualPart(
  profile: WeekProfile,
  traffic: Traffic,
  fromMs: number,
  toMs: number,
  count: number,
  share: number,
): number {
  if (traffic.days === 0 && traffic.expectedLong < KNOWN_SHARE) return count;
  const usual = longView(profile, traffic, fromMs, toMs, share);
  const chance = CHANCE_SIGMAS * Math.sqrt(usual + 1);
  return Math.max(Math.min(count, BUSY * usual + chance), QUIET * usual - chance);
}

/** Learns the parent's profile; returns whether the span was an outage. */
export function observeAll(
  profile: WeekProfile,
  all: Traffic,
  fromMs: number,
  toMs: number,
  requests: number,
): boolean {
  if (isUntouched(all) && requests === 0) return false;
  const usual = longView(profile, all, fromMs, toMs);
  const outage = requests === 0 && usual >= MIN_EXPECTED_FOR_OUTAGE;
  learnProfile(profile, fromMs, toMs, outage ? usual : requests, outage);
  observe(profile, all, fromMs, toMs, requests, outage);
  return outage;
}

function addToday({ values, at }: Traffic, slot: number, count: number): void {
  values[at + TODAY + (slot % SLOTS)]! += count;
}

function closeDay(traffic: Traffic, day: number): void {
  const { values, at } = traffic;
  const today = values.subarray(at + TODAY, at + TODAY + SLOTS);
  if (traffic.watchedMs >= WHOLE_DAY * DAY_MS && today.some((one) => one > 0)) {
    const before = volumeOf(traffic);
    const weight = Math.max(1 / (traffic.days + 1), 0.3);
    for (let slot = 0; slot < SLOTS; slot++)
      values[at + VOLUME + slot]! += weight * (today[slot]! - values[at + VOLUME + slot]!);
    sumUp(traffic);
    traffic.days++;
    // What was expected was in units of the volume known then.
    traffic.expectedLong *= volumeOf(traffic) / before;
    traffic.expectedFlat *= volumeOf(traffic) / before;
  }
  today.fill(0);
  traffic.watchedMs = 0;
  traffic.todayIndex = day;
}

/**
 * Eligible auctions expected in [fromMs, toMs), seen from `nowMs`: the profile, scaled by today's volume, and near by
 * also by what the last minutes brought. 0 when nothing is known yet.
 */
export function expected(profile: WeekProfile, traffic: Traffic, nowMs: number, fromMs: number, toMs: number): number {
  if (toMs <= fromMs) return 0;
  let sum = longView(profile, traffic, fromMs, toMs);
  const more = (traffic.seenRecent + RECENT_PRIOR) / (traffic.expectedRecent + RECENT_PRIOR) - 1;
  const nearEndMs = Math.min(toMs, nowMs + NEAR_SLOTS * SLOT_MS);
  let at = fromMs;
  if (fromMs === nowMs) {
    const shares = nearShares(profile, nowMs);
    for (let slot = 0; at + SLOT_MS <= nearEndMs; slot++, at += SLOT_MS)
      sum += longView(profile, traffic, at, at + SLOT_MS, shares[slot]) * more * FADES[slot]!;
  }
  for (; at < nearEndMs; at += SLOT_MS) {
    const end = Math.min(nearEndMs, at + SLOT_MS);
    const aheadMs = Math.max(0, (at + end) / 2 - nowMs);
    sum += longView(profile, traffic, at, end) * more * Math.exp(-aheadMs / NEAR_MS);
  }
  return Math.max(0, sum);
}
