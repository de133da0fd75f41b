import { type Random, seededRandom } from '../../core/random.ts';
import {
  between,
  bundles,
  type Country,
  categories,
  chance,
  countries,
  type DeviceKind,
  devices,
  domains,
  draw,
  drawSome,
  farCountries,
  keywords,
  SEGMENT_PROVIDER,
  segments,
  sizes,
} from './population.ts';

export interface TrafficOptions {
  readonly seed: number;
  readonly count: number;
  /**
   * Share of requests that no line item can win, default 0.4: half come from countries where nobody delivers (no
   * candidate at all), half ask a floor above every bid (the whole search for nothing).
   */
  readonly unwinnableShare?: number;
  /** Size a body is brought to with fields a bidder does not read, default 2048 bytes; larger ones stay as they are. */
  readonly bodyBytes?: number;
}

/** A floor above every bid the inventory makes, CPM. */
const UNREACHABLE_FLOOR = 500;

/**
 * OpenRTB 2.6 bodies as an exchange sends them: banner, site and app, segments, ids of several providers, supply chain,
 * and what Prebid Server puts into `ext`. What is optional is there in some and not in others, so that they differ in
 * shape and not only in texts: about as many values in a kilobyte as the requests of `shared/data`. Same seed, same bytes.
 */
export function createTraffic(options: TrafficOptions): Buffer[] {
  const random = seededRandom(options.seed);
  const unwinnable = options.unwinnableShare ?? 0.4;
  return Array.from({ length: options.count }, () => {
    const lot = random.next();
    const far = lot < unwinnable / 2;
    const floor = !far && lot < unwinnable ? UNREACHABLE_FLOOR : between(5, 40, random) / 100;
    return toBody(
      createRequest(random, draw(far ? farCountries : countries, random), floor),
      options.bodyBytes ?? 2048,
    );
  });
}

function createRequest(random: Random, where: Country, floor: number): Record<string, unknown> {
  const device = draw(devices, random);
  const category = draw(categories, random);
  const inApp = chance(device.app, random);
  return {
    id: uuid(random),
    imp: [createImp(random, floor)],
    ...(inApp ? { app: createApp(random, category) } : { site: createSite(random, category) }),
    device: createDevice(random, device, where),
    user: createUser(random, device),
    at: 1,
    tmax: 120,
    cur: ['USD'],
    bcat: drawSome(restricted, 3, random),
    badv: ['blocked-one.example', 'blocked-two.example'],
    source: { tid: uuid(random), schain: createSupplyChain(random) },
    regs: { coppa: 0, gdpr: 0, ...maybe(0.4, random, () => ({ us_privacy: '1YNN' })) },
    ...maybe(0.3, random, () => ({ allimps: 0 })),
    ...maybe(0.2, random, () => ({ wlang: ['en'] })),
    ext: { prebid: createPrebid(random) },
  };
}

/** What is there in a share of requests. */
function maybe(share: number, random: Random, make: () => Record<string, unknown>): Record<string, unknown> {
  return chance(share, random) ? make() : {};
}

function createSupplyChain(random: Random): Record<string, unknown> {
  const nodes = Array.from({ length: chance(0.3, random) ? 2 : 1 }, (_, i) => ({
    asi: i === 0 ? 'exchange.example' : 'reseller.example',
    sid: `${between(1000, 9999, random)}`,
    hp: 1,
    ...maybe(0.3, random, () => ({ rid: uuid(random) })),
  }));
  return { ver: '1.0', complete: 1, nodes };
}

/** The bookkeeping of a Prebid Server. */
function createPrebid(random: Random): Record<string, unknown> {
  return {
    auctiontimestamp: 1_795_359_600_000 + between(0, 1e6, random),
    ...maybe(0.7, random, () => ({ channel: { name: 'pbjs', version: 'v9.1.0' } })),
    ...maybe(0.6, random, () => ({
      targeting: { includewinners: true, includebidderkeys: false, pricegranularity: { precision: 2 } },
    })),
    ...maybe(0.3, random, () => ({ debug: false })),
  };
}

const restricted = { values: ['IAB24', 'IAB25', 'IAB26', 'IAB23-10', 'IAB11-4'], upTo: [0.2, 0.4, 0.6, 0.8, 1] };

function createImp(random: Random, bidfloor: number): Record<string, unknown> {
  const [w, h] = draw(sizes, random);
  return {
    id: '1',
    banner: { w, h, format: [{ w, h }], pos: between(0, 7, random), battr: [1, 3, 8, 9], api: [5, 6, 7], topframe: 1 },
    tagid: `/1234567/slot-${between(1, 400, random)}`,
    bidfloor,
    bidfloorcur: 'USD',
    secure: 1,
    exp: 300,
    ...maybe(0.3, random, () => ({ metric: [{ type: 'viewability', value: between(1, 99, random) / 100 }] })),
    ext: { gpid: `/1234567/home/slot-${between(1, 400, random)}`, data: { pbadslot: 'slot' } },
  };
}

function createSite(random: Random, category: string): Record<string, unknown> {
  const domain = draw(domains, random);
  return {
    id: `${between(10_000, 99_999, random)}`,
    name: `The site at ${domain}`,
    domain,
    page: `https://www.${domain}/${category.toLowerCase()}/${between(1, 1e6, random)}/an-article-about-something.html`,
    ...maybe(0.5, random, () => ({ ref: 'https://www.search.example/results?q=an+article' })),
    cat: [category, `${category}-${between(1, 5, random)}`],
    keywords: drawSome(keywords, 3, random).join(','),
    publisher: { id: `pub-${between(1, 300, random)}`, name: 'A publisher', domain },
    ...maybe(0.5, random, () => ({ content: { language: 'en', id: `${between(1, 1e6, random)}` } })),
    ...maybe(0.3, random, () => ({ mobile: 1 })),
    ...maybe(0.5, random, () => ({ privacypolicy: 1 })),
  };
}

function createApp(random: Random, category: string): Record<string, unknown> {
  const bundle = draw(bundles, random);
  return {
    id: `${between(10_000, 99_999, random)}`,
    name: `The app ${bundle}`,
    bundle,
    domain: 'publisher.example',
    storeurl: `https://apps.example/store/details?id=${bundle}`,
    ver: '7.4.1',
    cat: [category],
    keywords: drawSome(keywords, 2, random).join(','),
    publisher: { id: `pub-${between(1, 300, random)}`, name: 'A publisher' },
  };
}

function createDevice(random: Random, device: DeviceKind, where: Country): Record<string, unknown> {
  const spot = between(0, where.regions.length - 1, random);
  return {
    ua: device.ua,
    ip: `203.0.113.${between(1, 254, random)}`,
    geo: {
      country: where.code,
      region: where.regions[spot],
      city: where.cities[spot],
      zip: `${between(10_000, 99_999, random)}`,
      lat: Number((where.lat + random.next() * 4 - 2).toFixed(4)),
      lon: Number((where.lon + random.next() * 4 - 2).toFixed(4)),
      type: 2,
      utcoffset: 60,
    },
    devicetype: device.type,
    os: device.os,
    osv: device.osv[between(0, device.osv.length - 1, random)],
    make: device.make,
    model: device.model,
    language: where.language,
    connectiontype: chance(0.7, random) ? 2 : 6,
    carrier: 'A carrier',
    js: 1,
    w: device.w,
    h: device.h,
    dnt: 0,
    lmt: 0,
    ...maybe(0.4, random, () => ({ pxratio: 2 })),
    ...maybe(0.3, random, () => ({ hwv: '1.0' })),
    ...maybe(0.3, random, () => ({ sua: createAgent(random, device) })),
    ifa: uuid(random),
  };
}

/** Structured user agent, as browsers that freeze the old one send it. */
function createAgent(random: Random, device: DeviceKind): Record<string, unknown> {
  const version = [`${between(110, 130, random)}`];
  return {
    browsers: [
      { brand: 'Chromium', version },
      { brand: 'Not=A?Brand', version: ['24'] },
    ],
    platform: { brand: device.os },
    mobile: 1,
    source: 2,
  };
}

function createUser(random: Random, device: DeviceKind): Record<string, unknown> {
  const id = uuid(random);
  return {
    id,
    buyeruid: `user-${between(1, 200_000, random)}`,
    ...maybe(0.2, random, () => ({ yob: between(1950, 2005, random) })),
    ext: {
      eids: [
        { source: 'id.example', uids: [{ id, atype: 1 }] },
        ...(chance(0.4, random) ? [providerId(1, random)] : []),
      ],
      ...maybe(0.3, random, () => ({ consented_providers: { provider_count: device.type } })),
    },
    data: [
      {
        id: SEGMENT_PROVIDER,
        name: 'Segments',
        segment: drawSome(segments, 3, random).map((segment) => ({ id: segment })),
      },
    ],
  };
}

/** A user id of one of many providers. */
function providerId(number: number, random: Random): Record<string, unknown> {
  const uid = { id: random.nextUint32().toString(36), atype: number % 2 === 0 ? 1 : 3 };
  const source = `id${number}.example`;
  return chance(0.5, random) ? { source, uids: [{ ...uid, ext: { stype: 'ppuid' } }] } : { source, uids: [uid] };
}

/** Brings a request to its size: exchanges fill `ext` with more than a bidder reads, and it has to read past it. */
function toBody(request: Record<string, unknown>, bodyBytes: number): Buffer {
  const text = JSON.stringify(request);
  if (Buffer.byteLength(text) >= bodyBytes) return Buffer.from(text);
  const passed: string[] = [];
  let bytes = Buffer.byteLength(text) + ',"passthrough":['.length;
  for (let i = 0; bytes < bodyBytes; i++) {
    const item = PASSED_THROUGH[i % PASSED_THROUGH.length]!;
    passed.push(item);
    bytes += item.length + 1;
  }
  return Buffer.from(`${text.slice(0, -1)},"passthrough":[${passed.join(',')}]}`);
}

const PASSED_THROUGH = [
  '{"bidder":"one","seat":12}',
  '{"k":"pos","v":["atf","top"]}',
  '{"k":"pb","v":0.35,"ok":true}',
  '{"asi":"one.example","hp":1}',
];

function uuid(random: Random): string {
  const hex = Array.from({ length: 4 }, () => random.nextUint32().toString(16).padStart(8, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
