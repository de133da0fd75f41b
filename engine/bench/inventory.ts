import { type Creative, creativeSchema, type LineItem, lineItemSchema } from '../../core/campaign.ts';
import { type Random, seededRandom } from '../../core/random.ts';
import type { Dimension, Targeting } from '../../core/targeting.ts';
import type { CampaignChange, LineItemPace, PacingMessage } from '../../core/topics.ts';
import {
  between,
  bundles,
  categories,
  chance,
  countries,
  devices,
  domains,
  draw,
  drawSome,
  keywords,
  SEGMENT_PROVIDER,
  segments,
  sizes,
} from './population.ts';

export interface InventoryOptions {
  readonly seed: number;
  readonly lineItems: number;
  /** Different creatives (markup, landing page, domain), default 1,000; each line item carries one of them. */
  readonly creatives?: number;
  readonly lineItemsPerCampaign?: number;
  readonly campaignsPerAdvertiser?: number;
}

/** `changes` are in the order in which they have to be applied: owners first. */
export interface Inventory {
  readonly changes: readonly CampaignChange[];
  readonly lineItems: readonly LineItem[];
}

type Terms = Partial<Record<Dimension, { include: string[]; exclude: string[] }>>;

/**
 * Active line items with mixed targeting. On average one matches about 1.2 % of the winnable traffic, which is what
 * design measurements assumed; the tests measure it. The first one is a run-of-network line item with a low bid in
 * every size, so that a small inventory answers as many requests as a large one and only the cost of searching differs.
 */
export function createInventory(options: InventoryOptions): Inventory {
  const random = seededRandom(options.seed);
  const perCampaign = options.lineItemsPerCampaign ?? 5;
  const perAdvertiser = options.campaignsPerAdvertiser ?? 10;
  const campaigns = Math.ceil(options.lineItems / perCampaign);
  const changes: CampaignChange[] = [];
  for (let id = 1; id <= Math.ceil(campaigns / perAdvertiser); id++) {
    changes.push({
      kind: 'advertiser',
      entity: { ...owner(id, `Advertiser ${id}`), currency: 'USD', timeZone: 'UTC' },
    });
  }
  for (let id = 1; id <= campaigns; id++) {
    const entity = { ...owner(id, `Campaign ${id}`), advertiserId: Math.ceil(id / perAdvertiser), flight: forever };
    changes.push({ kind: 'campaign', entity });
  }
  const lineItems: LineItem[] = [];
  for (let id = 1; id <= options.lineItems; id++) {
    const lineItem = createLineItem(id, Math.ceil(id / perCampaign), random);
    lineItems.push(lineItem);
    changes.push({ kind: 'line_item', entity: lineItem });
    for (const [i, size] of (id === 1 ? sizes.values : [draw(sizes, random)]).entries()) {
      const creativeId = i === 0 ? id : options.lineItems + i;
      const entity = createCreative(creativeId, id, 1 + (id % (options.creatives ?? 1000)), size, random);
      changes.push({ kind: 'creative', entity });
    }
  }
  return { changes, lineItems };
}

const forever = { startMs: 0, endMs: null };

function owner(id: number, name: string) {
  return { id, name, status: 'active' as const, budget, version: 1, updatedMs: 0 };
}
/** A million a day, so that no benchmark runs into it; the lifetime limit adds a second cell to every level. */
const budget = { dailyMicros: 1_000_000_000_000, lifetimeMicros: 1_000_000_000_000_000 };

function createLineItem(id: number, campaignId: number, random: Random): LineItem {
  const network = id === 1;
  return lineItemSchema.parse({
    id,
    campaignId,
    name: `Line item ${id}`,
    budget,
    goal: network ? { type: 'cpm', bidCpmMicros: 600_000 } : createGoal(random),
    pacing: 'asap',
    targeting: network
      ? { terms: { country: include(...countries.values.map((country) => country.code)) } }
      : createTargeting(random),
    frequencyCaps: chance(0.5, random) ? [{ scope: 'line_item', impressions: between(3, 20, random), per: 'day' }] : [],
  });
}

function createGoal(random: Random): LineItem['goal'] {
  const cpm = Math.round(500_000 * 8 ** random.next());
  const lot = random.next();
  if (lot < 0.7) return { type: 'cpm', bidCpmMicros: cpm };
  // A target that the usual rates (0.2 % clicks, 2 % of them convert) turn into about the same CPM.
  if (lot < 0.9) return { type: 'cpc', targetMicros: Math.round(cpm / 2), maxCpmMicros: cpm };
  return { type: 'cpa', targetMicros: cpm * 25, maxCpmMicros: cpm, conversionType: '' };
}

function include(...terms: string[]): { include: string[]; exclude: string[] } {
  return { include: terms, exclude: [] };
}

/** Six habits of aiming, each with a share of line items; all deliver in few countries. */
function createTargeting(random: Random): Partial<Targeting> {
  const where = drawSome(countries, chance(0.2, random) ? 2 : 1, random);
  const terms: Terms = { country: include(...where.map((country) => country.code)) };
  if (chance(0.1, random)) terms.exchange = include('demo');
  const lot = random.next();
  if (lot < 0.3) {
    terms.deviceType = include(`${draw(devices, random).type}`);
    terms.category = include(...drawSome(categories, chance(0.5, random) ? 2 : 1, random));
    return { terms };
  }
  if (lot < 0.45) {
    terms.domain = include(...drawSome(domains, 30, random));
    terms.bundle = include(...drawSome(bundles, 20, random));
    terms.os = include(draw(devices, random).os.toLowerCase());
    return { terms };
  }
  if (lot < 0.6) {
    terms.region = include(...where.flatMap((country) => country.regions.slice(0, between(1, 3, random))));
    terms.category = { include: [], exclude: drawSome(categories, 3, random) };
    terms.size = include(...drawSome(sizes, 1, random).map(([w, h]) => `${w}x${h}`));
    return { terms };
  }
  if (lot < 0.75) {
    terms.keyword = include(...drawSome(keywords, 1, random));
    terms.language = include(...where.map((country) => country.language));
    terms.connectionType = include('2');
    terms.deviceType = include('4', '5');
    return { terms, dayparting: { zone: 'advertiser', slots: [everyHour] } };
  }
  if (lot < 0.9) {
    terms.segment = include(...drawSome(segments, 2, random).map((segment) => `${SEGMENT_PROVIDER}:${segment}`));
    terms.domain = { include: [], exclude: drawSome(domains, 10, random) };
    terms.os = include(draw(devices, random).os.toLowerCase());
    return { terms };
  }
  terms.deviceType = include(`${draw(devices, random).type}`);
  const [first] = where;
  return {
    terms,
    within: first === undefined ? [] : [{ lat: first.lat, lon: first.lon, km: between(30, 90, random) }],
  };
}

const everyHour = { days: [1, 2, 3, 4, 5, 6, 7], fromHour: 0, toHour: 24 };

function createCreative(
  id: number,
  lineItemId: number,
  design: number,
  [w, h]: readonly [number, number],
  random: Random,
): Creative {
  return creativeSchema.parse({
    id,
    lineItemId,
    name: `Design ${design}`,
    format: 'banner',
    banner: { w, h, imageUrl: `https://cdn.brand-${design}.example/${w}x${h}.png` },
    landingUrl: `https://www.brand-${design}.example/landing?campaign=spring`,
    adomain: [`brand-${design}.example`],
    cat: [draw(categories, random)],
    iurl: `https://cdn.brand-${design}.example/${w}x${h}.png`,
  });
}

/**
 * Pacing messages that let every line item bid all day: each of its three levels has a cell with a grant that lasts.
 * One message an owner, as the pacer sends them.
 */
export function createGrants(inventory: Inventory, node: string, nowMs: number): PacingMessage[] {
  const untilMs = nowMs + 86_400_000;
  const grant = (cell: string) => ({ cell, node, grantedNanos: '1000000000000000', fromMs: 0, untilMs });
  const campaigns = inventory.changes.flatMap((change) => (change.kind === 'campaign' ? [change.entity] : []));
  const accounts = new Set(campaigns.map((campaign) => campaign.advertiserId));
  const byCampaign = new Map<number, LineItem[]>();
  for (const lineItem of inventory.lineItems) {
    const list = byCampaign.get(lineItem.campaignId);
    if (list === undefined) byCampaign.set(lineItem.campaignId, [lineItem]);
    else list.push(lineItem);
  }
  const message = (ownerName: string, grants: PacingMessage['grants'], lineItems: LineItemPace[]): PacingMessage => ({
    v: 1,
    owner: ownerName,
    epoch: 1,
    sequence: 1,
    issuedMs: nowMs,
    grants,
    lineItems,
  });
  return [
    ...[...accounts].map((id) => message(`account:${id}`, [grant(`account:${id}:lifetime`)], [])),
    ...campaigns.map((campaign) => {
      const lineItems = byCampaign.get(campaign.id) ?? [];
      const own = `campaign:${campaign.id}:lifetime`;
      return message(
        `campaign:${campaign.id}`,
        [grant(own), ...lineItems.map((lineItem) => grant(`line_item:${lineItem.id}:lifetime`))],
        lineItems.map((lineItem) => ({
          lineItemId: lineItem.id,
          multiplierPpm: 1_000_000,
          passPpm: 1_000_000,
          cells: [`account:${campaign.advertiserId}:lifetime`, own, `line_item:${lineItem.id}:lifetime`],
        })),
      );
    }),
  ];
}
