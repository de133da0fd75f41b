import { z } from 'zod';

const DAY_SLOTS = 96;
const count = z.number().min(0);
const quarterHours = z.array(count).length(DAY_SLOTS);

/** What is known of the traffic of one level; all counts are eligible auctions, kept to six digits. */
export const trafficMemorySchema = z.strictObject({
  /** Average counts per quarter-hour of a UTC day over its own past days; empty before the first whole day. */
  volume: z.union([z.array(count).length(0), quarterHours]),
  today: quarterHours,
  days: z.int().min(0),
  /** Days since 1970 of `today`; −1 before the first. */
  todayIndex: z.int().min(-1),
  watchedMs: count,
  seenLong: count,
  expectedLong: count,
  expectedFlat: count,
  seenRecent: count,
  expectedRecent: count,
});
export type TrafficMemory = z.infer<typeof trafficMemorySchema>;

/** The shape of the week of everything together. */
export const profileMemorySchema = z.strictObject({
  /** 7 × 96 quarter-hours from Monday on. */
  shares: z.array(count).length(7 * DAY_SLOTS),
  days: z.array(z.int().min(0)).length(7),
  today: quarterHours,
  todayIndex: z.int().min(-1),
  watchedMs: count,
  belief: z.number().min(0).max(1),
  hours: z.array(z.strictObject({ logCount: z.number(), logKnown: z.number() })).max(24),
});
export type ProfileMemory = z.infer<typeof profileMemorySchema>;

/** A value of the `forecasts` topic: what a pacer has learned of traffic, for the one that takes over from it. */
export const forecastMemorySchema = z.strictObject({
  v: z.literal(1),
  /** `platform` for everything together, else the level: `account:ID`, `campaign:ID`, `line_item:ID`. */
  key: z.string().max(40),
  atMs: z.int(),
  traffic: trafficMemorySchema,
  /** With `platform` only. */
  profile: profileMemorySchema.optional(),
});
export type ForecastMemory = z.infer<typeof forecastMemorySchema>;
