/**
 * What Prebid Server (Go) does with a bidder's answer, told again from its sources: `adapters.CheckResponseStatusCode…`,
 * `json.Unmarshal` into `openrtb2.BidResponse`, `exchange/bidder_validate_bids.go`, and the matching of native assets
 * (`exchange/bidder.go`). It stands in for the program itself where Go modules of it can not be had.
 */
const STRING = 'a string';
const INTEGER = 'an integer';
const STRINGS = 'a list of strings';
const INTEGERS = 'a list of integers';

/** Fields of `openrtb2.Bid` with their Go types: another type makes the whole answer unreadable. */
const bidTypes: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['id', 'impid', 'nurl', 'burl', 'lurl', 'adm', 'adid', 'bundle', 'iurl', 'cid', 'crid', 'tactic', 'dealid'].map(
      (name) => [name, STRING],
    ),
  ),
  language: STRING,
  langb: STRING,
  price: 'a number',
  adomain: STRINGS,
  cat: STRINGS,
  attr: INTEGERS,
  apis: INTEGERS,
  ...Object.fromEntries(
    [
      'cattax',
      'api',
      'protocol',
      'qagmediarating',
      'w',
      'h',
      'wratio',
      'hratio',
      'exp',
      'dur',
      'mtype',
      'slotinpod',
    ].map((name) => [name, INTEGER]),
  ),
};
const MEDIA_OF_MTYPE: Readonly<Record<number, string>> = { 1: 'banner', 2: 'video', 3: 'audio', 4: 'native' };

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case STRING:
      return typeof value === 'string';
    case INTEGER:
      return Number.isInteger(value);
    case STRINGS:
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case INTEGERS:
      return Array.isArray(value) && value.every((item) => Number.isInteger(item));
    default:
      return typeof value === 'number';
  }
}

export interface PrebidRequest {
  readonly cur?: readonly string[];
  readonly imp: readonly (Readonly<Record<string, unknown>> & { readonly id: string })[];
}
/** A bid as Prebid Server passes it on. */
export interface TypedBid {
  readonly type: string;
  readonly bid: Readonly<Record<string, unknown>>;
}

/** @returns the bids that Prebid Server takes from an answer, and what it holds against the others */
export function acceptBids(
  request: PrebidRequest,
  status: number,
  body: string,
): { bids: TypedBid[]; errors: string[] } {
  if (status === 204) return { bids: [], errors: [] };
  if (status !== 200) return { bids: [], errors: [`Unexpected status code: ${status}`] };
  const response = JSON.parse(body) as { cur?: unknown; seatbid?: { bid: Record<string, unknown>[] }[] };
  const currency = response.cur ?? 'USD';
  const allowed = request.cur ?? ['USD'];
  if (!allowed.includes(String(currency))) return { bids: [], errors: [`Bid currency is not allowed: ${currency}`] };
  const bids: TypedBid[] = [];
  const errors: string[] = [];
  for (const bid of (response.seatbid ?? []).flatMap((seat) => seat.bid)) {
    const fault = faultOf(request, bid);
    if (fault === '') bids.push({ type: MEDIA_OF_MTYPE[bid.mtype as number]!, bid });
    else errors.push(fault);
  }
  return { bids, errors };
}

function faultOf(request: PrebidRequest, bid: Readonly<Record<string, unknown>>): string {
  for (const [name, value] of Object.entries(bid)) {
    const type = bidTypes[name];
    if (type !== undefined && !isOf(type, value)) return `json: ${name} is not ${type}`;
  }
  if (!bid.id) return "Bid missing required field 'id'";
  const imp = request.imp.find(({ id }) => id === bid.impid);
  if (imp === undefined) return `Failed to find imp "${bid.impid}"`;
  if (!((bid.price as number) > 0)) return "Bid does not contain a positive 'price'";
  if (!bid.crid) return 'Bid missing creative ID';
  const media = MEDIA_OF_MTYPE[bid.mtype as number];
  if (media === undefined || imp[media] === undefined) return `mtype ${bid.mtype} is not what was asked for`;
  return media === 'native' ? nativeFault(imp, String(bid.adm)) : '';
}

interface Asset {
  readonly id: number;
  readonly required?: number;
  readonly img?: unknown;
  readonly data?: unknown;
  readonly title?: unknown;
}

/** Every asset answers one that was asked for, of its kind; nothing required is missing. */
function nativeFault(imp: Readonly<Record<string, unknown>>, adm: string): string {
  const asked = (JSON.parse(String((imp.native as { request: string }).request)) as { assets: Asset[] }).assets;
  const answered = (JSON.parse(adm) as { assets: Asset[] }).assets;
  for (const asset of answered) {
    const wanted = asked.find(({ id }) => id === asset.id);
    if (wanted === undefined) return `Unable to find asset ID:${asset.id} in the request`;
    for (const kind of ['img', 'data', 'title'] as const) {
      if ((asset[kind] === undefined) !== (wanted[kind] === undefined)) return `asset ${asset.id} is no ${kind}`;
    }
  }
  const missing = asked.find(({ id, required }) => required === 1 && !answered.some((asset) => asset.id === id));
  return missing === undefined ? '' : `required asset ${missing.id} is missing`;
}
