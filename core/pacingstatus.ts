import { z } from 'zod';

const nanosText = z.string().regex(/^-?\d{1,19}$/);

/** Why spend is where it is; the sentence is in `explanation`. */
export const pacingStates = [
  'on_plan',
  'behind_supply',
  'behind_bid',
  'behind_start',
  'ahead',
  'budget_spent',
  'not_running',
  'no_budget',
  'no_bidder',
  'learning',
  'stale_feedback',
] as const;
export type PacingState = (typeof pacingStates)[number];

/** How one level of the budget tree stands in its present day (or its flight, when it has only a lifetime budget). */
export const pacingStatusSchema = z.object({
  level: z.enum(['account', 'campaign', 'line_item']),
  id: z.int(),
  advertiserId: z.int(),
  /** 0 for an account. */
  campaignId: z.int(),
  updatedMs: z.int(),
  fromMs: z.int(),
  toMs: z.int(),
  plan: z.enum(['even', 'even_time', 'front_loaded', 'asap']),
  /** The budget of the period; null when this level has none and follows the levels above. */
  budgetNanos: nanosText.nullable(),
  lifetimeBudgetNanos: nanosText.nullable(),
  /** What the plan wants spent by now. */
  plannedNanos: nanosText,
  /** What was confirmed so far. */
  actualNanos: nanosText,
  /** What the period will end at, as things are. */
  forecastNanos: nanosText,
  /** Eligible auctions still expected in the period. */
  eligibleRest: z.number().min(0),
  multiplierPpm: z.int(),
  passPpm: z.int(),
  /** Credit out at bidders, not yet drawn. */
  leaseNanos: nanosText,
  /** Drawn by bids that are not settled. */
  reservedNanos: nanosText,
  /** The part of `reservedNanos` that is presumed spent: bids whose notice never came. Not billed. */
  presumedNanos: nanosText.default('0'),
  /** Confirmed above the budget: late bills in standard mode. Never billed to the advertiser. */
  overNanos: nanosText,
  state: z.enum(pacingStates),
  explanation: z.string().max(400),
});
export type PacingStatus = z.infer<typeof pacingStatusSchema>;
