import type { Advertiser, Budget, Campaign, Creative, LineItem, Status } from '../../core/campaign.ts';
import { nanosToDecimal } from '../../core/money.ts';
import { highestCpmMicros } from './campaigncsv.ts';
import type { Directory, Entities, EntityKind } from './directory.ts';
import { invalidField, Problem } from './problem.ts';

/** Where a status may go. An ended entity may run again when its flight allows it; an archived one is history. */
const transitions: Readonly<Record<Status, readonly Status[]>> = {
  draft: ['active', 'paused', 'archived'],
  active: ['paused', 'ended', 'archived'],
  paused: ['active', 'ended', 'archived'],
  ended: ['active', 'archived'],
  archived: [],
};

/** What a rule looks at beside the entity itself. */
export interface Surroundings {
  readonly directory: Pick<Directory, 'get' | 'childrenOf' | 'currencies'>;
  /** The campaign of a line item that is made in the same request. */
  readonly campaign?: Campaign;
  readonly nowMs: number;
}

/**
 * Refuses what can not be meant, with the field and the reason.
 * @throws Problem invalid_field | transition_not_allowed | unsupported_currency
 */
export function checkRules<K extends EntityKind>(
  kind: K,
  entity: Entities[K],
  before: Entities[K] | undefined,
  around: Surroundings,
): void {
  if (before !== undefined) checkTransition(before.status, entity.status);
  if (kind === 'advertiser') {
    checkAccountCurrency(entity as Advertiser, before as Advertiser | undefined, around);
    checkBudget((entity as Advertiser).budget, cheapestOfAccount(entity.id, around));
  }
  if (kind === 'campaign') {
    checkCampaignCurrency(entity as Campaign, before as Campaign | undefined, around);
    checkFlight(entity as Campaign, before as Campaign | undefined, around.nowMs);
    checkBudget((entity as Campaign).budget, cheapestOf(entity.id, around));
  }
  if (kind === 'line_item') {
    checkFlight(entity as LineItem, before as LineItem | undefined, around.nowMs);
    const oneBidMicros = oneBid(entity as LineItem);
    checkBudget((entity as LineItem).budget, oneBidMicros);
    if (before === undefined || oneBid(before as LineItem) < oneBidMicros)
      checkAbove(entity as LineItem, oneBidMicros, around);
  }
  if (kind === 'creative') checkCreative(entity as Creative);
}

function checkTransition(from: Status, to: Status): void {
  if (from === to || transitions[from].includes(to)) return;
  const allowed = transitions[from].length === 0 ? 'nothing' : transitions[from].join(', ');
  throw new Problem(422, 'transition_not_allowed', {
    detail: `status: ${from} can become ${allowed}, not ${to}.`,
    field: 'status',
  });
}

/** An account that can not bid is not made active, nor an active one changed to a currency it can not bid in. */
function checkAccountCurrency(
  entity: Advertiser,
  before: Advertiser | undefined,
  { directory }: Pick<Surroundings, 'directory'>,
): void {
  const { status, currency } = entity;
  if (status !== 'active' || (before?.status === 'active' && before.currency === currency)) return;
  if (!directory.currencies.has(currency)) throw unsupportedCurrency('currency', directory, currency);
}

function checkCampaignCurrency(
  entity: Campaign,
  before: Campaign | undefined,
  { directory }: Pick<Surroundings, 'directory'>,
): void {
  if (entity.status !== 'active' || before?.status === 'active') return;
  const currency = directory.get('advertiser', entity.advertiserId)?.currency;
  if (currency !== undefined && !directory.currencies.has(currency))
    throw unsupportedCurrency('status', directory, currency);
}

function unsupportedCurrency(field: string, { currencies }: Pick<Directory, 'currencies'>, currency: string): Problem {
  const known = [...currencies].sort().join(', ');
  return new Problem(422, 'unsupported_currency', {
    detail: `${field}: ${withoutRate(currency)} It knows ${known}. Until then accounts and campaigns in ${currency} can be kept as drafts.`,
    field,
  });
}

/** What keeps an account in a currency from bidding, and who can help. */
function withoutRate(currency: string): string {
  return `The account is in ${currency}, and this server has no rate for it, so it can not bid: an operator gives one in the setting "currencies".`;
}

function checkFlight(entity: Campaign | LineItem, before: Campaign | LineItem | undefined, nowMs: number): void {
  if (entity.status !== 'active' || before?.status === 'active') return;
  const end = entity.flight.endMs;
  if (end === null || end > nowMs) return;
  throw invalidField('flight.endMs', `the flight ended at ${new Date(end).toISOString()}; extend it before activating`);
}

/** What one impression at the highest bid costs, micros. */
function oneBid({ goal }: LineItem): number {
  return Math.ceil(highestCpmMicros(goal) / 1000);
}

/** The cheapest bid of a campaign's line items, micros; null when there is none. */
function cheapestOf(campaignId: number, { directory }: Pick<Surroundings, 'directory'>): number | null {
  const lineItems = directory.childrenOf('campaign', campaignId).map((id) => directory.get('line_item', id)!);
  const bids = lineItems.filter(({ status }) => status !== 'archived').map(oneBid);
  return bids.length === 0 ? null : Math.min(...bids);
}

function cheapestOfAccount(advertiserId: number, { directory }: Pick<Surroundings, 'directory'>): number | null {
  const bids = directory.childrenOf('advertiser', advertiserId).flatMap((id) => cheapestOf(id, { directory }) ?? []);
  return bids.length === 0 ? null : Math.min(...bids);
}

/** An amount as its owner knows it: in units of the account's currency. */
function units(micros: number): string {
  return nanosToDecimal(BigInt(micros) * 1000n);
}

function checkBudget(budget: Budget, oneBidMicros: number | null): void {
  for (const [field, limit] of Object.entries(budget)) {
    if (limit === null || oneBidMicros === null || limit >= oneBidMicros) continue;
    throw invalidField(
      `budget.${field}`,
      `${units(limit)} does not pay for one impression at the highest bid, which costs ${units(oneBidMicros)}`,
    );
  }
}

/** A bid that the campaign or the account can never pay for. */
function checkAbove(lineItem: LineItem, oneBidMicros: number, { directory, campaign: made }: Surroundings): void {
  const campaign = made ?? directory.get('campaign', lineItem.campaignId);
  const advertiser = campaign && directory.get('advertiser', campaign.advertiserId);
  const field = lineItem.goal.type === 'cpm' ? 'goal.bidCpmMicros' : 'goal.maxCpmMicros';
  for (const [whose, budget] of [
    ['campaign', campaign?.budget],
    ['account', advertiser?.budget],
  ] as const) {
    for (const [name, limit] of Object.entries(budget ?? {})) {
      if (limit === null || limit >= oneBidMicros) continue;
      const which = name === 'dailyMicros' ? 'daily budget' : 'whole budget';
      throw invalidField(
        field,
        `one impression at the highest bid costs ${units(oneBidMicros)}, more than the ${which} of the ${whose}, ${units(limit)}`,
      );
    }
  }
}

function checkCreative(creative: Creative): void {
  const { hostname, protocol } = new URL(creative.landingUrl);
  const local = hostname === 'localhost' || hostname === '127.0.0.1';
  if (protocol !== 'https:' && !local) {
    throw invalidField('landingUrl', 'must be https: exchanges refuse landing pages that are not secure');
  }
  if (creative.format === 'banner' && creative.banner?.imageUrl === null && creative.banner.html === null) {
    throw invalidField('banner.imageUrl', 'give an imageUrl or html, so that there is something to show');
  }
}

/** Something that keeps a campaign from delivering although it is allowed to. */
export interface Hindrance {
  readonly code: string;
  readonly message: string;
}

/** Why a campaign can not deliver, from its settings alone, most fundamental first. Empty when nothing stands in the way. */
export function hindrances(directory: Directory, campaign: Campaign, nowMs: number): readonly Hindrance[] {
  const found: Hindrance[] = [];
  const advertiser = directory.get('advertiser', campaign.advertiserId);
  if (advertiser?.status !== 'active')
    found.push({ code: 'advertiser_not_active', message: 'The advertiser’s account is not active.' });
  if (advertiser !== undefined && !directory.currencies.has(advertiser.currency))
    found.push({ code: 'unsupported_currency', message: withoutRate(advertiser.currency) });
  if (campaign.status !== 'active')
    found.push({ code: 'campaign_not_active', message: `The campaign is ${campaign.status}.` });
  if (campaign.flight.startMs > nowMs)
    found.push({ code: 'flight_not_started', message: 'The flight has not started yet.' });
  if (campaign.flight.endMs !== null && campaign.flight.endMs <= nowMs) {
    found.push({ code: 'flight_ended', message: 'The flight has ended.' });
  }
  for (const { scope, on, reason } of directory.switches()) {
    if (on && ['all', `advertiser:${campaign.advertiserId}`, `campaign:${campaign.id}`].includes(scope)) {
      found.push({ code: 'killed', message: `Stopped by an operator${reason === '' ? '' : `: ${reason}`}.` });
    }
  }
  const lineItems = directory.childrenOf('campaign', campaign.id).map((id) => directory.get('line_item', id)!);
  const active = lineItems.filter((lineItem) => lineItem.status === 'active');
  if (active.length === 0) found.push({ code: 'no_active_line_item', message: 'No line item is active.' });
  const poor = active.length === 0 ? undefined : tooSmall(campaign, advertiser, Math.min(...active.map(oneBid)));
  if (poor !== undefined) found.push({ code: 'budget_below_bid', message: poor });
  const creatives = active
    .flatMap((lineItem) => directory.childrenOf('line_item', lineItem.id))
    .map((id) => directory.get('creative', id)!)
    .filter((creative) => creative.status === 'active');
  if (active.length > 0 && creatives.length === 0) {
    found.push({ code: 'no_creative', message: 'No line item has an active creative.' });
  } else if (creatives.length > 0 && !creatives.some((creative) => creative.approval === 'approved')) {
    found.push({ code: 'no_approved_creative', message: 'No creative is approved yet.' });
  }
  return found;
}

/** Why no budget above the line items pays for their cheapest bid; undefined when all do. */
function tooSmall(campaign: Campaign, advertiser: Advertiser | undefined, cheapestMicros: number): string | undefined {
  for (const [whose, budget] of [
    ['campaign', campaign.budget],
    ['account', advertiser?.budget],
  ] as const) {
    const limits = Object.values(budget ?? {}).filter((limit): limit is number => limit !== null);
    const limit = limits.find((one) => one < cheapestMicros);
    if (limit !== undefined)
      return `A budget of the ${whose}, ${units(limit)}, does not pay for one impression: the cheapest active line item bids ${units(cheapestMicros)} for one.`;
  }
  return undefined;
}
