import { z } from 'zod';
import { advertiserSchema, campaignSchema, creativeSchema, lineItemSchema } from './campaign.ts';
import { pacingStatusSchema } from './pacingstatus.ts';

/**
 * The topics of the event log. `compacted` topics keep the last value of each key; the others keep everything for their
 * retention. All values are UTF-8 JSON; a null value deletes its key.
 */
export const topics = {
  /** Key `advertiser:ID`, `campaign:ID`, `line_item:ID`, `creative:ID`, `switch:SCOPE`. */
  campaigns: { compacted: true },
  /** Key `PacingMessage.owner`. */
  pacing: { compacted: true },
  /** Key: bid id, so that all events of one bid share a partition. Value: `LoggedEvent`. */
  events: { compacted: false },
  /** Key: node. Value: `BidStats`. Counters may be dropped when a buffer is full; the drop is counted. */
  bidstats: { compacted: false },
  /** Key `audience:ID` or `members:ID:BUCKET`: uploaded audiences on their way to bidders of other machines. */
  audiences: { compacted: true },
  /** Key `ForecastMemory.key`: what the pacer has learned of traffic, for the one that takes over. */
  forecasts: { compacted: true },
} as const satisfies Record<string, { readonly compacted: boolean }>;
export type TopicName = keyof typeof topics;
export const topicNames = Object.keys(topics) as readonly TopicName[];

/** A kill switch: stops bidding for its scope while `on`. Scope: `all`, `exchange:NAME`, `advertiser:ID`, `campaign:ID`. */
export const killSwitchSchema = z.strictObject({
  scope: z.string().max(80),
  on: z.boolean(),
  reason: z.string().max(500),
});
export type KillSwitch = z.infer<typeof killSwitchSchema>;

/** A value of the `campaigns` topic. */
export const campaignChangeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('advertiser'), entity: advertiserSchema }),
  z.strictObject({ kind: z.literal('campaign'), entity: campaignSchema }),
  z.strictObject({ kind: z.literal('line_item'), entity: lineItemSchema }),
  z.strictObject({ kind: z.literal('creative'), entity: creativeSchema }),
  z.strictObject({ kind: z.literal('switch'), entity: killSwitchSchema }),
]);
export type CampaignChange = z.infer<typeof campaignChangeSchema>;

/** The key under which a change is compacted. */
export function campaignChangeKey(change: CampaignChange): string {
  return change.kind === 'switch' ? `switch:${change.entity.scope}` : `${change.kind}:${change.entity.id}`;
}

const nanosText = z.string().regex(/^\d{1,19}$/);

/**
 * One budget cell: a limit of one owner over one period. `cell` is `account|campaign|line_item:ID:PERIOD`, where PERIOD
 * is a local date of the advertiser (`2026-11-22`) or `lifetime`.
 *
 * A grant is cumulative: the most that this node incarnation may ever have confirmed plus reserved in this cell. Losing
 * or repeating a message is therefore harmless. Bids may draw on it only inside [fromMs, untilMs); after `untilMs` the
 * pacer may hand out what the node reports as unused.
 */
export const grantSchema = z.object({
  cell: z.string().max(80),
  node: z.string().length(8),
  grantedNanos: nanosText,
  fromMs: z.int(),
  untilMs: z.int(),
  /**
   * Only for a pacer that takes over: the most this node may still draw by earlier, larger grants, when that is more.
   * The node `00000000` stands for all nodes that are gone: what they spent, for good.
   */
  heldNanos: nanosText.optional(),
  heldUntilMs: z.int().optional(),
});
export type Grant = z.infer<typeof grantSchema>;

/** How one line item bids until the next message. Parts per million: 1,000,000 is 1. */
export const lineItemPaceSchema = z.object({
  lineItemId: z.int(),
  multiplierPpm: z.int().min(0).max(10_000_000),
  passPpm: z.int().min(0).max(1_000_000),
  /** Cells a bid of this line item reserves in, outermost first. A cell without a live grant refuses. */
  cells: z.array(z.string().max(80)).max(8),
});
export type LineItemPace = z.infer<typeof lineItemPaceSchema>;

/**
 * A value of the `pacing` topic: everything bidders need about one owner (`campaign:ID` or `account:ID`). Pacers and
 * bidders read each other and are replaced one by one, so both pass over fields they do not know; what must not be
 * passed over needs a new `v`.
 */
export const pacingMessageSchema = z.object({
  v: z.literal(1),
  owner: z.string().max(40),
  /** Grows with every pacer take-over; a message of an older epoch is ignored. */
  epoch: z.int().min(0),
  /** Grows with every message of an epoch. */
  sequence: z.int().min(0),
  issuedMs: z.int(),
  grants: z.array(grantSchema).max(10_000),
  lineItems: z.array(lineItemPaceSchema).max(10_000),
  /** For people: the API shows it, bidders need not read it. */
  status: z.array(pacingStatusSchema).max(10_001).optional(),
});
export type PacingMessage = z.infer<typeof pacingMessageSchema>;

/** What one node has drawn of a cell, cumulative over its life; reserved is what is out and not yet settled. */
export const cellUseSchema = z.object({
  cell: z.string().max(80),
  confirmedNanos: nanosText,
  reservedNanos: nanosText,
  /** The part of `reservedNanos` that is presumed spent: bids whose notice never came. Left out when 0. */
  presumedNanos: nanosText.optional(),
});
export type CellUse = z.infer<typeof cellUseSchema>;

/** Dimension of targeting → terms, spelled as targeting spells them. */
const drawnTerms = z.record(z.string().max(20), z.array(z.string().max(253)).max(50));

/** Bid requests drawn of a span, for estimates of traffic and people: all whose `hash` is divisible by 2^level. */
export const trafficSampleSchema = z.object({
  level: z.int().min(0).max(31),
  requests: z
    .array(
      z.object({
        /** 32 bits of the user's salted hash, or of the request's id when nobody is known. */
        hash: z.int().min(0).max(0xffffffff),
        known: z.boolean(),
        terms: drawnTerms,
        /** The terms of its first impressions that offer anything we sell. Left out by older nodes. */
        impressions: z.array(drawnTerms).max(8).optional(),
        /** Advertisers' audiences the user is in; only of users who may be stored. Left out by older nodes. */
        audiences: z.array(z.int()).max(128).optional(),
      }),
    )
    .max(256),
});
export type TrafficSample = z.infer<typeof trafficSampleSchema>;

/** One second (or less) of a node's bidding. Counts are increments; `cells` is cumulative. A value of `bidstats`. */
export const bidStatsSchema = z.object({
  v: z.literal(1),
  node: z.string().length(8),
  sequence: z.int().min(0),
  fromMs: z.int(),
  toMs: z.int(),
  requests: z.int().min(0),
  /** Requests that got a bid. */
  answered: z.int().min(0),
  /** Requests answered with an error (4xx, 5xx). */
  errors: z.int().min(0).default(0),
  /** Time to answer a bid request inside the server, over this message's span; null when there was none. */
  latency: z.object({ p50Us: z.int(), p99Us: z.int(), p999Us: z.int(), maxUs: z.int() }).nullable().default(null),
  /** Request-level no-bid reasons. */
  noBids: z.record(z.string().max(40), z.int().min(0)),
  lineItems: z
    .array(
      z.object({
        lineItemId: z.int(),
        campaignId: z.int(),
        /** Left out by older nodes. */
        advertiserId: z.int().optional(),
        /** Impressions that matched its targeting: the traffic it could have bid on. */
        matched: z.int().min(0),
        bids: z.int().min(0),
        /** Sum of bid prices, nanos. */
        bidNanos: z.int().min(0),
        /** What those bids were worth before shading, nanos. Left out by older nodes. */
        valueNanos: z.int().min(0).optional(),
        reasons: z.record(z.string().max(40), z.int().min(0)),
      }),
    )
    .max(100_000),
  cells: z.array(cellUseSchema).max(100_000),
  /** Left out by older nodes. */
  traffic: trafficSampleSchema.optional(),
  /** Set on the last message of a draining node: nothing more will be bid by it. */
  final: z.boolean().default(false),
});
export type BidStats = z.infer<typeof bidStatsSchema>;
