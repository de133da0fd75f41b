import type { Random } from '../../core/random.ts';
import type { DeviceModel, Place, Publisher } from './catalog.ts';
import { apps, desktopSizes, devices, phoneSizes, phones, places, sites } from './catalog.ts';
import { logNormal, zipf } from './weighted.ts';

/** What the generated traffic looks like. Shares are in [0, 1]. */
export interface TrafficMix {
  readonly appShare: number;
  readonly videoShare: number;
  readonly nativeShare: number;
  /** Requests with two to four impressions. */
  readonly multiImpShare: number;
  /** Requests whose user is known to us by id. */
  readonly knownUserShare: number;
  readonly users: number;
  readonly userZipf: number;
  readonly floorMedianCpm: number;
  readonly dealShare: number;
  readonly segmentShare: number;
  /** People where the GDPR applies who consent to everything; the others refuse everything. */
  readonly consentShare: number;
  readonly tmaxMs: number;
  /** OpenRTB `at`: 1 first price, 2 second price. */
  readonly auctionType: 1 | 2;
  /** Ends every site domain and app bundle ("r1"), so that a report can tell this run from other traffic; '' for none. */
  readonly scope: string;
}

export const defaultMix: TrafficMix = {
  appShare: 0.45,
  videoShare: 0.05,
  nativeShare: 0.04,
  multiImpShare: 0.1,
  knownUserShare: 0.75,
  users: 1_000_000,
  userZipf: 0.9,
  floorMedianCpm: 0.25,
  dealShare: 0.03,
  segmentShare: 0.4,
  consentShare: 0.7,
  tmaxMs: 100,
  auctionType: 1,
  scope: '',
};

export type Json = { [key: string]: unknown };

/** Makes OpenRTB 2.6 bid requests. The same mix and random sequence make the same requests. */
export interface RequestGenerator {
  /** @param id the auction's id, unique */
  next(id: string): Json;
}

export function createRequestGenerator(mix: TrafficMix, random: Random): RequestGenerator {
  const users = zipf(mix.users, mix.userZipf, mix.users / 1000);
  const publishers = zipf(sites.length, 1);
  const pages = zipf(5000, 1.1);
  return {
    next(id) {
      const inApp = random.next() < mix.appShare;
      const place = places.draw(random);
      const device = (inApp ? phones : devices).draw(random);
      const user = users.draw(random);
      const publisher = (inApp ? apps : sites)[publishers.draw(random) - 1]!;
      const imps = random.next() < mix.multiImpShare ? 2 + Math.floor(random.next() * 3) : 1;
      return {
        id,
        imp: Array.from({ length: imps }, (_, i) => imp(i + 1, device, inApp, mix, random)),
        ...(inApp
          ? { app: appObject(publisher, mix.scope, random) }
          : { site: siteObject(publisher, mix.scope, pages.draw(random)) }),
        device: deviceObject(device, place, inApp, user, random),
        ...userObjects(user, place, mix, random),
        at: mix.auctionType,
        tmax: mix.tmaxMs,
        cur: ['USD'],
        bcat: ['IAB25', 'IAB26', 'IAB7-39'],
        badv: ['blocked-one.example', 'blocked-two.example'],
        source: { fd: 0, tid: id, schain: supplyChain(publisher) },
      };
    },
  };
}

function imp(index: number, device: DeviceModel, inApp: boolean, mix: TrafficMix, random: Random): Json {
  const floorMicros = Math.round(logNormal(random, mix.floorMedianCpm, 0.6) * 100) * 10_000;
  const kind = random.next();
  const shared: Json = {
    id: String(index),
    tagid: `slot-${1 + Math.floor(random.next() * 8)}`,
    bidfloor: floorMicros / 1_000_000,
    bidfloorcur: 'USD',
    secure: 1,
    instl: 0,
    exp: 3600,
    ...(random.next() < mix.dealShare ? { pmp: deal(floorMicros, random) } : {}),
  };
  if (kind < mix.videoShare) return { ...shared, video: videoObject(inApp) };
  if (kind < mix.videoShare + mix.nativeShare) return { ...shared, native: nativeObject() };
  const [w, h] = (device.deviceType === 2 ? desktopSizes : phoneSizes).draw(random);
  const banner = { w, h, format: [{ w, h }], pos: random.next() < 0.6 ? 1 : 3, btype: [4], api: [3, 5, 6, 7] };
  return { ...shared, banner };
}

function deal(floorMicros: number, random: Random): Json {
  const id = `deal-${1 + Math.floor(random.next() * 20)}`;
  return { private_auction: 0, deals: [{ id, bidfloor: (floorMicros * 2) / 1_000_000, bidfloorcur: 'USD', at: 1 }] };
}

function videoObject(inApp: boolean): Json {
  return {
    mimes: ['video/mp4', 'video/webm'],
    protocols: [2, 3, 5, 6, 7, 8],
    minduration: 5,
    maxduration: 30,
    w: 640,
    h: 360,
    startdelay: 0,
    plcmt: inApp ? 3 : 1,
    linearity: 1,
    skip: 1,
    playbackmethod: [1, 2],
    api: [7],
  };
}

function nativeObject(): Json {
  const request = {
    ver: '1.2',
    context: 1,
    plcmttype: 1,
    assets: [
      { id: 1, required: 1, title: { len: 90 } },
      { id: 2, required: 1, img: { type: 3, wmin: 300, hmin: 157 } },
      { id: 3, required: 0, data: { type: 1, len: 25 } },
      { id: 4, required: 0, data: { type: 2, len: 140 } },
    ],
    eventtrackers: [{ event: 1, methods: [1, 2] }],
  };
  return { request: JSON.stringify(request), ver: '1.2', api: [7] };
}

function siteObject(publisher: Publisher, scope: string, page: number): Json {
  const domain = scopedDomain(publisher, scope);
  return {
    id: `site-${publisher.id}`,
    name: publisher.title,
    domain,
    cat: publisher.cat,
    page: `https://${domain}/articles/${page}?utm_source=feed`,
    ref: 'https://search.example/',
    mobile: 1,
    publisher: { id: publisher.id, name: publisher.title, domain: publisher.name },
    content: { language: 'en', title: `Article ${page}`, keywords: 'one,two,three' },
  };
}

function appObject(publisher: Publisher, scope: string, random: Random): Json {
  return {
    id: `app-${publisher.id}`,
    name: publisher.title,
    bundle: scopedBundle(publisher, scope),
    storeurl: publisher.storeUrl,
    cat: publisher.cat,
    ver: `${1 + Math.floor(random.next() * 9)}.2.0`,
    publisher: { id: publisher.id, name: publisher.title },
  };
}

function deviceObject(device: DeviceModel, place: Place, inApp: boolean, user: number, random: Random): Json {
  const fixed = device.deviceType === 2;
  return {
    ua: inApp ? device.appUa : device.ua,
    ip: `${place.net}.${(user >> 8) & 255}.${1 + (user % 254)}`,
    devicetype: device.deviceType,
    make: device.make,
    ...(device.model === '' ? {} : { model: device.model }),
    os: device.os,
    osv: device.osVersion,
    w: device.w,
    h: device.h,
    js: 1,
    language: place.language,
    connectiontype: fixed ? 1 : random.next() < 0.6 ? 2 : 6,
    ...(inApp ? { ifa: ifaOf(user), lmt: 0 } : {}),
    geo: {
      lat: Number((place.lat + (random.next() - 0.5) / 10).toFixed(4)),
      lon: Number((place.lon + (random.next() - 0.5) / 10).toFixed(4)),
      type: 2,
      country: place.country,
      region: place.region,
      city: place.city,
      zip: place.zip,
      utcoffset: place.utcOffsetMinutes,
    },
  };
}

/** TCF 2.2 strings: purposes 1–10 for vendors 1–1200, and none for nobody. */
const CONSENT_TO_ALL = 'CQtAQoAQtAQoAAfABBENBkEoAP_AAEPAAAYgJYQAYAAglgCWEAGAAIJYAAAA';
const CONSENT_TO_NOTHING = 'CQtAQoAQtAQoAAfABBENBkEoAAAAAAAAAAYgAAAAAAAA';

/** User, and the privacy signals that decide whether the user may be used. */
function userObjects(user: number, place: Place, mix: TrafficMix, random: Random): Json {
  const known = random.next() < mix.knownUserShare;
  const segments = random.next() < mix.segmentShare ? 1 + Math.floor(random.next() * 6) : 0;
  const object: Json = { id: `xu-${user}` };
  if (known) object.buyeruid = `eu-${user}`;
  if (segments > 0) {
    const segment = Array.from({ length: segments }, (_, i) => ({ id: String(1000 + ((user * 7 + i * 131) % 400)) }));
    object.data = [{ id: 'dmp-one', name: 'dmp-one.example', segment }];
  }
  // The long tail of request sizes: a few requests carry the ids of a dozen and more providers.
  const providers = random.next() < 0.3 ? Math.floor(1 + 25 * random.next() ** 3) : 0;
  if (providers > 0) object.eids = Array.from({ length: providers }, (_, i) => extendedId(i, user));
  if (!place.eu) return { user: object, regs: { coppa: 0, gdpr: 0, us_privacy: '1YNN' } };
  object.consent = random.next() < mix.consentShare ? CONSENT_TO_ALL : CONSENT_TO_NOTHING;
  return { user: object, regs: { coppa: 0, gdpr: 1 } };
}

function extendedId(provider: number, user: number): Json {
  const id = `${(user * 40_503 + provider * 7919).toString(36).padStart(8, '0')}.${ifaOf(user)}`;
  return { source: `id-provider-${provider}.example`, uids: [{ id, atype: provider % 2 === 0 ? 1 : 3 }] };
}

function supplyChain(publisher: Publisher): Json {
  return { ver: '1.0', complete: 1, nodes: [{ asi: 'exchange.example', sid: publisher.id, hp: 1 }] };
}

function ifaOf(user: number): string {
  const hex = (user * 2654435761).toString(16).padStart(16, '0').slice(0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8000-${user.toString(16).padStart(12, '0')}`;
}

const scopedDomain = (site: Publisher, scope: string): string => (scope === '' ? site.name : `${scope}.${site.name}`);
const scopedBundle = (app: Publisher, scope: string): string => (scope === '' ? app.name : `${app.name}.${scope}`);

/** Every site domain and app bundle that requests of this scope can carry. */
export function scopedDomains(scope: string): readonly string[] {
  return [...sites.map((site) => scopedDomain(site, scope)), ...apps.map((app) => scopedBundle(app, scope))];
}
