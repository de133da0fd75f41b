import { z } from 'zod';
import { MAX_ENTITY_ID } from './ids.ts';
import { targetingSchema } from './targeting.ts';

/**
 * The model: advertiser → campaign → line item → creative, as it crosses the `campaigns` topic and the API.
 * A line item is what bids. Budgets may stand on the advertiser's account, the campaign and the line item; a bid
 * reserves on every level of its path. Money: budgets in integer micros of the account currency, bids as CPM in
 * integer micros (numerically the nanos of one impression).
 */
export const entityId = z.int().min(1).max(MAX_ENTITY_ID);
const name = z.string().trim().min(1).max(200);
const timestampMs = z.int().min(0).max(8_640_000_000_000_000);
const micros = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const positiveMicros = micros.min(1);
/** A CPM of at most 1,000,000: what `MAX_EVENT_NANOS` allows for one impression. */
const cpmMicros = z.int().min(1).max(1_000_000_000_000);
const domain = z
  .string()
  .toLowerCase()
  .max(253)
  .regex(/^(?!-)([a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}$/, 'must be a bare domain such as example.com');
/** IAB content categories, taxonomy 1 ("IAB1-2") or later ones (digits). */
const categoryCode = z.string().regex(/^(IAB\d{1,2}(-\d{1,2})?|\d{1,5}|[A-Z0-9]{6})$/);

export const timeZone = z.string().refine(isTimeZone, 'must be an IANA time zone such as Europe/Berlin');
const currencyCode = z.string().regex(/^[A-Z]{3}$/, 'must be an ISO-4217 code such as USD');

/** Limits on one level of the budget tree; null or absent means no limit of that kind. */
export const budgetSchema = z.strictObject({
  dailyMicros: positiveMicros.nullable().default(null),
  lifetimeMicros: positiveMicros.nullable().default(null),
});
export type Budget = z.infer<typeof budgetSchema>;

const flightSchema = z
  .strictObject({ startMs: timestampMs.default(0), endMs: timestampMs.nullable().default(null) })
  .refine((flight) => flight.endMs === null || flight.endMs > flight.startMs, {
    path: ['endMs'],
    message: 'must be after startMs',
  });

const statuses = ['draft', 'active', 'paused', 'ended', 'archived'] as const;
export const statusSchema = z.enum(statuses);
export type Status = z.infer<typeof statusSchema>;

/** Fields every entity has. `version` counts changes from 1 and is what `If-Match` compares. */
const versioned = { version: z.int().min(1).default(1), updatedMs: timestampMs.default(0) };

export const advertiserSchema = z.strictObject({
  id: entityId,
  name,
  status: statusSchema.default('active'),
  currency: currencyCode.default('USD'),
  timeZone: timeZone.default('UTC'),
  /** The account: `lifetimeMicros` is the balance paid in so far. */
  budget: budgetSchema.default({ dailyMicros: null, lifetimeMicros: null }),
  ...versioned,
});
export type Advertiser = z.infer<typeof advertiserSchema>;

export const campaignSchema = z.strictObject({
  id: entityId,
  advertiserId: entityId,
  name,
  status: statusSchema.default('active'),
  budget: budgetSchema.default({ dailyMicros: null, lifetimeMicros: null }),
  flight: flightSchema.default({ startMs: 0, endMs: null }),
  ...versioned,
});
export type Campaign = z.infer<typeof campaignSchema>;

/** What is paid for: CPM bids as is; CPC and CPA bid the target times the predicted rate, never above `maxCpmMicros`. */
export const goalSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('cpm'), bidCpmMicros: cpmMicros }),
  z.strictObject({ type: z.literal('cpc'), targetMicros: positiveMicros, maxCpmMicros: cpmMicros }),
  z.strictObject({
    type: z.literal('cpa'),
    targetMicros: positiveMicros,
    maxCpmMicros: cpmMicros,
    conversionType: z.string().max(64).default(''),
  }),
]);
export type Goal = z.infer<typeof goalSchema>;

/** How a budget is spread: with the forecast traffic, with the clock, early, or as fast as it can be. */
export const pacingPlans = ['even', 'even_time', 'front_loaded', 'asap'] as const;
export type PacingPlan = (typeof pacingPlans)[number];

export const frequencyCapSchema = z.strictObject({
  scope: z.enum(['campaign', 'line_item', 'creative']).default('line_item'),
  impressions: z.int().min(1).max(10_000),
  per: z.enum(['minute', 'hour', 'day', 'lifetime']),
});
export type FrequencyCap = z.infer<typeof frequencyCapSchema>;

export const lineItemSchema = z.strictObject({
  id: entityId,
  campaignId: entityId,
  name,
  status: statusSchema.default('active'),
  budget: budgetSchema.default({ dailyMicros: null, lifetimeMicros: null }),
  /** Inside the campaign's flight; the narrower of the two counts. */
  flight: flightSchema.default({ startMs: 0, endMs: null }),
  goal: goalSchema,
  pacing: z.enum(pacingPlans).default('even'),
  targeting: targetingSchema.default({ terms: {}, within: [], dayparting: null }),
  frequencyCaps: z.array(frequencyCapSchema).max(8).default([]),
  /** New creatives get a fair test: a bid boost that decays with evidence. */
  exploration: z.boolean().default(true),
  /** Look-back of attribution, days. */
  clickWindowDays: z.int().min(0).max(90).default(30),
  viewWindowDays: z.int().min(0).max(30).default(1),
  ...versioned,
});
export type LineItem = z.infer<typeof lineItemSchema>;

export const creativeFormats = ['banner', 'video', 'audio', 'native'] as const;
export type CreativeFormat = (typeof creativeFormats)[number];
const approvalSchema = z.enum(['pending', 'approved', 'rejected']);
const httpUrl = z.url({ protocol: /^https?$/ }).max(2048);
const pixels = z.int().min(1).max(10_000);

/** Banner: our markup around an image, or the advertiser's own HTML. `${CLICK_URL}` in the HTML becomes our click link. */
const bannerAsset = z.strictObject({
  w: pixels,
  h: pixels,
  imageUrl: httpUrl.nullable().default(null),
  html: z.string().max(65_536).nullable().default(null),
});
const mediaFile = z.strictObject({
  url: httpUrl,
  mime: z.string().max(64),
  w: z.int().min(0).max(10_000).default(0),
  h: z.int().min(0).max(10_000).default(0),
  bitrateKbps: z.int().min(1).max(200_000).default(1000),
});
const linearAsset = z.strictObject({
  durationSeconds: z.int().min(1).max(3600),
  /** VAST inline media. Empty when `vastTagUrl` wraps another server's tag. */
  mediaFiles: z.array(mediaFile).max(20).default([]),
  vastTagUrl: httpUrl.nullable().default(null),
  skipAfterSeconds: z.int().min(0).max(3600).nullable().default(null),
});
const nativeAsset = z.strictObject({
  title: z.string().min(1).max(200),
  description: z.string().max(500).default(''),
  sponsoredBy: z.string().max(100).default(''),
  callToAction: z.string().max(50).default(''),
  image: z.strictObject({ url: httpUrl, w: pixels, h: pixels }).nullable().default(null),
  icon: z.strictObject({ url: httpUrl, w: pixels, h: pixels }).nullable().default(null),
});

export const creativeSchema = z
  .strictObject({
    id: entityId,
    lineItemId: entityId,
    name,
    status: statusSchema.default('active'),
    format: z.enum(creativeFormats),
    banner: bannerAsset.nullable().default(null),
    video: linearAsset.nullable().default(null),
    audio: linearAsset.nullable().default(null),
    native: nativeAsset.nullable().default(null),
    landingUrl: httpUrl,
    /** Advertiser domains for block list checks (`adomain`). */
    adomain: z.array(domain).min(1).max(5),
    /** The app that is advertised, if any (`bundle`). */
    bundle: z.string().max(200).nullable().default(null),
    cat: z.array(categoryCode).max(10).default([]),
    /** Creative attributes, AdCOM 1.0 list. */
    attr: z.array(z.int().min(1).max(1000)).max(20).default([]),
    language: z.string().max(20).nullable().default(null),
    /** An image of the ad without cache-busting, for quality checks (`iurl`). */
    iurl: httpUrl.nullable().default(null),
    approval: approvalSchema.default('approved'),
    /** Exchange name → its own verdict; an exchange not named here follows `approval`. */
    exchangeApprovals: z.record(z.string().max(32), approvalSchema).default({}),
    ...versioned,
  })
  .refine((creative) => creative[creative.format] !== null, {
    path: ['format'],
    message: 'the object named by format must be present',
  });
export type Creative = z.infer<typeof creativeSchema>;

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
