import type { ForecastMemory, ProfileMemory } from '../core/forecastmemory.ts';
import { recallTraffic, short, type Traffic, trafficMemory } from './forecast.ts';
import type { LevelState } from './levelstate.ts';
import type { PacerState } from './pacerstate.ts';
import { DAY_MS, recallProfile, type WeekProfile } from './weekprofile.ts';

/** A record of the `forecasts` topic; null: the level is gone. */
export interface MemoryRecord {
  readonly key: string;
  readonly memory: ForecastMemory | null;
}

/** What has been written of the forecasts, and what comes next. */
export interface Remembering {
  sweptMs: number;
  /** Levels still to be written in this sweep. */
  levels: Iterator<LevelState> | null;
  /** Levels that are gone and whose memory is to be deleted. */
  readonly gone: Set<string>;
  /** How much of which day had been seen when a level was written last. */
  readonly written: WeakMap<Traffic, number>;
}

/** How many are written in a round, so that no round pays for all levels. */
export const MEMORIES_A_ROUND = 10;
const PLATFORM = 'platform';
/** Each level is written this often, if it saw anything: what a killed pacer forgets. */
const SWEEP_MS = 900_000;

export function createRemembering(): Remembering {
  return { sweptMs: 0, levels: null, gone: new Set(), written: new WeakMap() };
}

/**
 * The next forecasts to be kept, at most `most`; none most of the time. One per level and the platform's, each about a
 * kilobyte, replace each other, so that what is kept is bounded by the number of levels.
 * @param now begins a new sweep now, as when the pacer stops
 */
export function nextMemories(pacer: PacerState, nowMs: number, most: number, now = false): MemoryRecord[] {
  const { remembering } = pacer;
  const records: MemoryRecord[] = [];
  for (const key of remembering.gone) {
    if (records.length >= most) return records;
    remembering.gone.delete(key);
    if (!pacer.levels.has(key)) records.push({ key, memory: null });
  }
  // Nothing is learned yet when a pacer starts.
  if (remembering.sweptMs === 0) remembering.sweptMs = nowMs;
  if (now || nowMs - remembering.sweptMs >= SWEEP_MS) {
    remembering.sweptMs = nowMs;
    remembering.levels = pacer.levels.values();
    if (isNew(remembering, pacer.all)) {
      const profile = profileMemory(pacer.profile);
      records.push({ key: PLATFORM, memory: { ...memoryOf(PLATFORM, pacer.all, nowMs), profile } });
    }
  }
  while (remembering.levels !== null && records.length < most) {
    const { value: state, done } = remembering.levels.next();
    if (done === true) remembering.levels = null;
    else if (isNew(remembering, state.traffic))
      records.push({ key: state.level.key, memory: memoryOf(state.level.key, state.traffic, nowMs) });
  }
  return records;
}

/** @returns whether more was seen of it than when it was asked last */
function isNew({ written }: Remembering, traffic: Traffic): boolean {
  const seen = traffic.todayIndex * DAY_MS + traffic.watchedMs;
  if (traffic.watchedMs === 0 || written.get(traffic) === seen) return false;
  written.set(traffic, seen);
  return true;
}

/** Takes up what an earlier pacer had learned, before the first round. @returns whether its level is known here */
export function recall(pacer: PacerState, { key, traffic, profile }: ForecastMemory): boolean {
  if (key === PLATFORM && profile !== undefined) recallProfile(pacer.profile, profile);
  const known = key === PLATFORM ? pacer.all : pacer.levels.get(key)?.traffic;
  if (known !== undefined) recallTraffic(known, traffic);
  return known !== undefined;
}

function memoryOf(key: string, traffic: Traffic, nowMs: number): ForecastMemory {
  return { v: 1, key, atMs: Math.floor(nowMs), traffic: trafficMemory(traffic) };
}

function profileMemory(profile: WeekProfile): ProfileMemory {
  const { todayIndex, watchedMs, belief } = profile;
  return {
    shares: Array.from(profile.shares, short),
    days: [...profile.days],
    today: Array.from(profile.today, short),
    todayIndex,
    watchedMs,
    belief,
    hours: profile.hours.map(({ logCount, logKnown }) => ({ logCount: short(logCount), logKnown: short(logKnown) })),
  };
}
