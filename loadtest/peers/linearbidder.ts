import { createHash } from 'node:crypto';
import type { Advertiser, Campaign, Creative, LineItem } from '../../core/campaign.ts';
import { signToken, type TokenKey } from '../../core/token.ts';
import type { CampaignChange } from '../../core/topics.ts';
import type { BidRequest, Impression } from './requestshape.ts';
import { termsOf } from './requestterms.ts';

/**
 * A bidder as one writes it first, to compare with: the same campaigns, the same rules and the same winner, but plain
 * objects and a look at every line item. It knows what the benchmark's inventory uses: banners, targeting by terms and
 * circles, blocks, floors, budgets, caps, signed links. It learns nothing, so it values clicks as a new bidder does.
 */
export interface LinearBidder {
  /** @returns a BidResponse, or null for no bid */
  bid(request: BidRequest, nowMs: number): object | null;
  readonly lineItems: number;
}

interface Line {
  readonly item: LineItem;
  readonly campaign: Campaign;
  readonly advertiser: Advertiser;
  readonly creatives: readonly Creative[];
  readonly valueNanos: number;
  readonly rules: readonly (readonly [dimension: string, include: ReadonlySet<string>, exclude: ReadonlySet<string>])[];
}

/** What a new bidder expects of an ad nobody has seen: a click in a thousand, two conversions in a hundred thousand, and half more for being new. */
const EXPECTED = { cpc: 0.001 * 1.5, cpa: 0.00002 * 1.5 } as const;
const EARTH_KM = 6371.0088;
const RADIANS = Math.PI / 180;

export function createLinearBidder(
  changes: readonly CampaignChange[],
  options: { readonly key: TokenKey; readonly exchange: string; readonly baseUrl: string },
): LinearBidder {
  const lines = linesOf(changes);
  const leftNanos = new Map<string, number>();
  const seen = new Map<string, number>();
  let counter = 0;

  function covers(line: Line, nanos: number): boolean {
    return levels(line).every(([level, micros]) => (leftNanos.get(level) ?? micros * 1000) >= nanos);
  }

  function take(line: Line, nanos: number): void {
    for (const [level, micros] of levels(line)) leftNanos.set(level, (leftNanos.get(level) ?? micros * 1000) - nanos);
  }

  function isCapped(line: Line, user: string): boolean {
    return (
      user !== '' &&
      line.item.frequencyCaps.some((cap) => (seen.get(`${cap.per}:${line.item.id}:${user}`) ?? 0) >= cap.impressions)
    );
  }

  function best(request: BidRequest, imp: Impression, nowMs: number) {
    const terms = termsOf(request, imp, options.exchange);
    const user = userOf(request);
    const floorNanos = Math.ceil((imp.bidfloor ?? 0) * 1_000_000 - 1e-6);
    let winner: { readonly line: Line; readonly creative: Creative } | null = null;
    for (const line of lines) {
      if (winner !== null && line.valueNanos <= winner.line.valueNanos) continue;
      if (line.valueNanos < floorNanos || !matches(line, terms) || !isLive(line, nowMs)) continue;
      if (!isInside(line.item, request.device?.geo?.lat, request.device?.geo?.lon) || isCapped(line, user)) continue;
      const creative = line.creatives.find((one) => fits(one, request, imp, options.exchange));
      if (creative === undefined || !covers(line, line.valueNanos)) continue;
      winner = { line, creative };
    }
    return winner === null ? null : { ...winner, user };
  }

  return {
    lineItems: lines.length,
    bid(request, nowMs) {
      const bids = (request.imp ?? []).flatMap((imp) => {
        const won = best(request, imp, nowMs);
        if (won === null) return [];
        take(won.line, won.line.valueNanos);
        const bidId = `00c0ffee${(counter++).toString(16).padStart(16, '0')}`;
        return [bidOf(request, imp, won, bidId, nowMs, options)];
      });
      if (bids.length === 0) return null;
      return { id: request.id, seatbid: [{ bid: bids }], cur: 'USD' };
    },
  };
}

function linesOf(changes: readonly CampaignChange[]): Line[] {
  const advertisers = new Map<number, Advertiser>();
  const campaigns = new Map<number, Campaign>();
  const items = new Map<number, LineItem>();
  const creatives = new Map<number, Creative[]>();
  for (const change of changes) {
    if (change.kind === 'advertiser') advertisers.set(change.entity.id, change.entity);
    else if (change.kind === 'campaign') campaigns.set(change.entity.id, change.entity);
    else if (change.kind === 'line_item') items.set(change.entity.id, change.entity);
    else if (change.kind === 'creative') {
      creatives.set(change.entity.lineItemId, [...(creatives.get(change.entity.lineItemId) ?? []), change.entity]);
    }
  }
  return [...items.values()].map((item) => {
    const campaign = campaigns.get(item.campaignId)!;
    return {
      item,
      campaign,
      advertiser: advertisers.get(campaign.advertiserId)!,
      creatives: creatives.get(item.id) ?? [],
      valueNanos: worthOf(item),
      rules: Object.entries(item.targeting.terms).map(
        ([dimension, rule]) => [dimension, new Set(rule.include), new Set(rule.exclude)] as const,
      ),
    };
  });
}

function worthOf({ goal }: LineItem): number {
  if (goal.type === 'cpm') return goal.bidCpmMicros;
  return Math.max(1, Math.min(goal.maxCpmMicros, Math.round(goal.targetMicros * 1000 * EXPECTED[goal.type])));
}

function levels({ item, campaign, advertiser }: Line): [string, number][] {
  return [
    [`advertiser:${advertiser.id}`, advertiser.budget.lifetimeMicros ?? Number.POSITIVE_INFINITY],
    [`campaign:${campaign.id}`, campaign.budget.lifetimeMicros ?? Number.POSITIVE_INFINITY],
    [`line_item:${item.id}`, item.budget.lifetimeMicros ?? Number.POSITIVE_INFINITY],
  ];
}

function isLive({ campaign, item }: Line, nowMs: number): boolean {
  const { startMs, endMs } = campaign.flight;
  if (nowMs < startMs || (endMs !== null && nowMs >= endMs)) return false;
  const { dayparting } = item.targeting;
  if (dayparting === null) return true;
  const now = new Date(nowMs);
  const [day, hour] = [now.getUTCDay() || 7, now.getUTCHours()];
  return dayparting.slots.some(({ days, fromHour, toHour }) => days.includes(day) && hour >= fromHour && hour < toHour);
}

function matches({ rules }: Line, terms: ReadonlyMap<string, readonly string[]>): boolean {
  return rules.every(([dimension, include, exclude]) => {
    const own = terms.get(dimension) ?? [];
    return (include.size === 0 || own.some((term) => include.has(term))) && !own.some((term) => exclude.has(term));
  });
}

function isInside(item: LineItem, lat: number | undefined, lon: number | undefined): boolean {
  const { within } = item.targeting;
  if (within.length === 0) return true;
  if (lat === undefined || lon === undefined) return false;
  return within.some((circle) => {
    const sinLat = Math.sin(((circle.lat - lat) * RADIANS) / 2);
    const sinLon = Math.sin(((circle.lon - lon) * RADIANS) / 2);
    const h = sinLat * sinLat + Math.cos(lat * RADIANS) * Math.cos(circle.lat * RADIANS) * sinLon * sinLon;
    return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(h))) <= circle.km;
  });
}

function fits(creative: Creative, request: BidRequest, imp: Impression, exchange: string): boolean {
  const { banner } = creative;
  if (banner === null || imp.banner === undefined) return false;
  const sizes = [imp.banner, ...(imp.banner.format ?? [])];
  if (!sizes.some(({ w, h }) => w === banner.w && h === banner.h)) return false;
  if ((creative.exchangeApprovals[exchange] ?? creative.approval) !== 'approved') return false;
  if (imp.secure === 1 && JSON.stringify(banner).includes('http://')) return false;
  if (creative.attr.some((attr) => imp.banner?.battr?.includes(attr))) return false;
  if (creative.cat.some((cat) => request.bcat?.some((blocked) => cat === blocked || cat.startsWith(`${blocked}-`)))) {
    return false;
  }
  return !creative.adomain.some((domain) =>
    request.badv?.some((blocked) => domain === blocked || domain.endsWith(`.${blocked}`)),
  );
}

/** The user as caps and tokens know it; '' where privacy forbids. */
function userOf({ device, user, regs }: BidRequest): string {
  const id = device?.ifa ?? user?.buyeruid ?? '';
  if (id === '' || regs?.coppa === 1 || regs?.gdpr === 1 || device?.lmt === 1 || device?.dnt === 1) return '';
  const hashed = createHash('sha256').update(id.toLowerCase()).digest();
  return createHash('sha256').update('salt').update(hashed).digest('hex').slice(0, 16);
}

function bidOf(
  request: BidRequest,
  imp: Impression,
  { line, creative, user }: { readonly line: Line; readonly creative: Creative; readonly user: string },
  bidId: string,
  bidAtMs: number,
  { key, exchange, baseUrl }: { readonly key: TokenKey; readonly exchange: string; readonly baseUrl: string },
): object {
  const { w, h, imageUrl } = creative.banner!;
  const { site, app, device } = request;
  const token = signToken(
    {
      bidId,
      bidAtMs,
      capNanos: line.valueNanos,
      advertiserId: line.advertiser.id,
      campaignId: line.campaign.id,
      lineItemId: line.item.id,
      creativeId: creative.id,
      billingEvent: 'bill',
      test: false,
      user,
      exchange,
      dealId: '',
      domain: site?.domain ?? app?.bundle ?? '',
      country: device?.geo?.country ?? '',
      region: device?.geo?.region ?? '',
      os: device?.os?.toLowerCase() ?? '',
      deviceType: device?.devicetype ?? 0,
      mtype: 1,
      w,
      h,
    },
    key,
  );
  const click = `${baseUrl}/event/click/${token}`;
  return {
    id: bidId,
    impid: imp.id,
    price: line.valueNanos / 1_000_000,
    cid: String(line.campaign.id),
    crid: String(creative.id),
    adm:
      `<a href="${click}" target="_blank" rel="noopener"><img src="${imageUrl}" width="${w}" height="${h}" alt=""></a>` +
      `<img src="${baseUrl}/event/imp/${token}" width="1" height="1" alt="">`,
    nurl: `${baseUrl}/notice/win/${token}?price=\${AUCTION_PRICE}`,
    burl: `${baseUrl}/notice/bill/${token}?price=\${AUCTION_PRICE}`,
    lurl: `${baseUrl}/notice/loss/${token}?loss=\${AUCTION_LOSS}`,
    adomain: creative.adomain,
    iurl: creative.iurl,
    cat: creative.cat,
    w,
    h,
    mtype: 1,
    exp: 3600,
  };
}
