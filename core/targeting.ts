import { z } from 'zod';

/**
 * Dimensions matched by equality of a term. A line item matches when, for every dimension it names, one of the
 * request's terms is in `include` (if not empty) and none is in `exclude`. Spelling of terms:
 * country ISO-3166-1 alpha-3 ("DEU"); region ISO-3166-2 or the exchange's code; deviceType AdCOM numbers ("4");
 * os, browser, make, carrier lower case; connectionType AdCOM numbers; language ISO-639-1; domain and bundle lower case
 * (a domain also matches its subdomains); category as sent ("IAB1-2"; "IAB1" also matches its children);
 * size "300x250"; position AdCOM numbers; exchange our profile's name; segment "provider:id" or our audience's id;
 * plcmt AdCOM numbers ("1" instream … "4" standalone); startDelay AdCOM numbers ("0" pre-roll, "-1" mid-roll, "-2"
 * post-roll); slotInPod AdCOM numbers ("1" first, "-1" last, "2" first or last); rewarded, skippable and interstitial
 * "1" when the impression is, "0" when not; skippable only where the request says.
 */
export const dimensions = [
  'country',
  'region',
  'city',
  'zip',
  'deviceType',
  'os',
  'osVersion',
  'make',
  'browser',
  'connectionType',
  'carrier',
  'language',
  'domain',
  'bundle',
  'publisher',
  'category',
  'keyword',
  'position',
  'size',
  'deal',
  'exchange',
  'segment',
  'plcmt',
  'startDelay',
  'slotInPod',
  'rewarded',
  'skippable',
  'interstitial',
] as const;
export type Dimension = (typeof dimensions)[number];

/** Dimensions of a whole request that tell what traffic is like; drawn requests (`TrafficSample`) carry their terms. */
export const trafficDimensions = [
  'country',
  'region',
  'city',
  'deviceType',
  'os',
  'make',
  'browser',
  'connectionType',
  'carrier',
  'language',
  'domain',
  'bundle',
  'publisher',
  'category',
  'exchange',
  'segment',
] as const satisfies readonly Dimension[];

/** Dimensions of each impression; drawn requests carry their terms impression by impression. */
export const impressionDimensions = [
  'position',
  'size',
  'deal',
  'plcmt',
  'startDelay',
  'slotInPod',
  'rewarded',
  'skippable',
  'interstitial',
] as const satisfies readonly Dimension[];

const upperCase = new Set<Dimension>(['country', 'region', 'zip', 'category']);
const asSent = new Set<Dimension>(['deal', 'segment', 'exchange', 'publisher']);

/** One spelling for what targeting says and what requests say. */
export function normalTerm(dimension: Dimension, term: string): string {
  const trimmed = term.trim();
  if (asSent.has(dimension)) return trimmed;
  return upperCase.has(dimension) ? trimmed.toUpperCase() : trimmed.toLowerCase();
}

const term = z.string().trim().min(1).max(253);
const termRule = z.strictObject({
  include: z.array(term).max(10_000).default([]),
  exclude: z.array(term).max(10_000).default([]),
});

/** A circle on the earth: degrees and kilometres. */
const radiusSchema = z.strictObject({
  lat: z.number().min(-90).max(90),
  lon: z.number().min(-180).max(180),
  km: z.number().positive().max(20_000),
});

/** Hours of the week when bidding is allowed: ISO weekdays 1 (Monday) to 7, hours [fromHour, toHour). */
const daypartSchema = z
  .strictObject({
    days: z.array(z.int().min(1).max(7)).min(1).max(7),
    fromHour: z.int().min(0).max(23),
    toHour: z.int().min(1).max(24),
  })
  .refine((slot) => slot.toHour > slot.fromHour, { path: ['toHour'], message: 'must be after fromHour' });

export const targetingSchema = z.strictObject({
  terms: z.partialRecord(z.enum(dimensions), termRule).default({}),
  /** Inside any of these circles (device or user geo). Empty: anywhere. */
  within: z.array(radiusSchema).max(100).default([]),
  dayparting: z
    .strictObject({
      zone: z.enum(['advertiser', 'user']).default('advertiser'),
      slots: z.array(daypartSchema).max(168),
    })
    .nullable()
    .default(null),
});
export type Targeting = z.infer<typeof targetingSchema>;
