import { DIM, indexDimensions } from '../match/terms.ts';
import type { RequestScan } from './scan.ts';
import { shapes } from './shapes.ts';
import { type Agent, readAgent } from './useragent.ts';

const REQ = shapes.REQUEST.f;
const SITE = shapes.SITE.f;
const APP = shapes.APP.f;
const DOOH = shapes.DOOH.f;
const DEVICE = shapes.DEVICE.f;
const GEO = shapes.GEO.f;
const USER = shapes.USER.f;
const PUBLISHER = shapes.PUBLISHER.f;
const CONTENT = shapes.CONTENT.f;
const DATA = shapes.DATA.f;
const SEGMENT = shapes.SEGMENT.f;

/** Most terms of one dimension that a request may bring. */
const MAX_TERMS = 200;
const numbers = Array.from({ length: 100 }, (_, i) => String(i));

/** Who and where, of a whole request: what targeting, tokens and reports need of it. Reused for every request. */
export interface Audience {
  /** Terms per index dimension; those of the impression are filled in later. */
  readonly terms: string[][];
  country: string;
  region: string;
  os: string;
  deviceType: number;
  /** Site domain or app bundle. */
  domain: string;
  /** NaN when unknown. */
  lat: number;
  lon: number;
  /** Minutes to add to UTC, NaN when unknown. */
  utcOffsetMinutes: number;
}

export function createAudience(): Audience {
  return {
    terms: indexDimensions.map(() => []),
    country: '',
    region: '',
    os: '',
    deviceType: 0,
    domain: '',
    lat: Number.NaN,
    lon: Number.NaN,
    utcOffsetMinutes: Number.NaN,
  };
}

/** Reads the request-level terms. `segment` is left empty when `personal` is false. */
export function readAudience(scan: RequestScan, exchange: string, personal: boolean, into: Audience): void {
  const { terms } = into;
  for (const list of terms) list.length = 0;
  const device = scan.object(scan.root, REQ.device);
  readPlace(scan, device, into);
  readDevice(scan, device, into);
  readInventory(scan, into);
  terms[DIM.exchange]!.push(exchange);
  if (personal) readSegments(scan, terms[DIM.segment]!);
}

function readPlace(scan: RequestScan, device: number, into: Audience): void {
  const user = scan.object(scan.root, REQ.user);
  const deviceGeo = scan.object(device, DEVICE.geo);
  const geo = deviceGeo >= 0 ? deviceGeo : scan.object(user, USER.geo);
  const country = scan.text(geo, GEO.country).toUpperCase();
  into.country = country;
  into.region = scan.text(geo, GEO.region).toUpperCase();
  into.lat = scan.numOr(geo, GEO.lat, Number.NaN);
  into.lon = scan.numOr(geo, GEO.lon, Number.NaN);
  into.utcOffsetMinutes = scan.numOr(geo, GEO.utcoffset, Number.NaN);
  const { terms } = into;
  add(terms[DIM.country]!, country);
  add(terms[DIM.region]!, into.region);
  if (into.region !== '' && country !== '') add(terms[DIM.region]!, `${country}-${into.region}`);
  add(terms[DIM.city]!, scan.text(geo, GEO.city).trim().toLowerCase());
  add(terms[DIM.zip]!, scan.text(geo, GEO.zip).trim().toUpperCase());
}

function readDevice(scan: RequestScan, device: number, into: Audience): void {
  const { terms } = into;
  const type = scan.numOr(device, DEVICE.devicetype, 0);
  into.deviceType = type > 0 && type < 100 && Number.isInteger(type) ? type : 0;
  if (into.deviceType > 0) terms[DIM.deviceType]!.push(numbers[into.deviceType]!);
  const connection = scan.numOr(device, DEVICE.connectiontype, -1);
  if (connection >= 0 && connection < 100 && Number.isInteger(connection)) {
    terms[DIM.connectionType]!.push(numbers[connection]!);
  }
  const agent: Agent = readAgent(scan.text(device, DEVICE.ua));
  const os = scan.text(device, DEVICE.os).trim().toLowerCase() || agent.os;
  into.os = os;
  add(terms[DIM.os]!, os);
  add(terms[DIM.osVersion]!, scan.text(device, DEVICE.osv).trim().toLowerCase() || agent.osVersion);
  add(terms[DIM.browser]!, agent.browser);
  add(terms[DIM.make]!, scan.text(device, DEVICE.make).trim().toLowerCase());
  add(terms[DIM.carrier]!, scan.text(device, DEVICE.carrier).trim().toLowerCase());
  const language = scan.text(device, DEVICE.language) || scan.text(device, DEVICE.langb);
  add(terms[DIM.language]!, primaryLanguage(language));
}

function primaryLanguage(language: string): string {
  const end = language.search(/[-_]/);
  return (end < 0 ? language : language.slice(0, end)).trim().toLowerCase();
}

function readInventory(scan: RequestScan, into: Audience): void {
  const site = scan.object(scan.root, REQ.site);
  const app = scan.object(scan.root, REQ.app);
  const dooh = scan.object(scan.root, REQ.dooh);
  const { terms } = into;
  into.domain = '';
  if (site >= 0) {
    into.domain = siteDomain(scan.text(site, SITE.domain) || scan.text(site, SITE.page));
    addDomains(terms[DIM.domain]!, into.domain);
    for (const field of [SITE.cat, SITE.sectioncat, SITE.pagecat]) readCategories(scan, site, field, into);
    readContext(scan, scan.object(site, SITE.publisher), scan.object(site, SITE.content), into);
    readKeywords(scan, site, SITE.keywords, SITE.kwarray, terms[DIM.keyword]!);
  } else if (app >= 0) {
    into.domain = scan.text(app, APP.bundle).trim().toLowerCase();
    add(terms[DIM.bundle]!, into.domain);
    for (const field of [APP.cat, APP.sectioncat, APP.pagecat]) readCategories(scan, app, field, into);
    readContext(scan, scan.object(app, APP.publisher), scan.object(app, APP.content), into);
    readKeywords(scan, app, APP.keywords, APP.kwarray, terms[DIM.keyword]!);
  } else if (dooh >= 0) {
    into.domain = siteDomain(scan.text(dooh, DOOH.domain));
    addDomains(terms[DIM.domain]!, into.domain);
    readContext(scan, scan.object(dooh, DOOH.publisher), scan.object(dooh, DOOH.content), into);
    readKeywords(scan, dooh, DOOH.keywords, DOOH.kwarray, terms[DIM.keyword]!);
  }
}

function readContext(scan: RequestScan, publisher: number, content: number, into: Audience): void {
  add(into.terms[DIM.publisher]!, scan.text(publisher, PUBLISHER.id).trim());
  if (content < 0) return;
  readCategories(scan, content, CONTENT.cat, into);
  readKeywords(scan, content, CONTENT.keywords, CONTENT.kwarray, into.terms[DIM.keyword]!);
}

/** A category of taxonomy 1 also stands for its parent: IAB1-2 is in IAB1. */
function readCategories(scan: RequestScan, node: number, field: number, into: Audience): void {
  const list = into.terms[DIM.category]!;
  for (let item = scan.first(node, field); item !== 0; item = scan.next(item)) {
    const category = scan.itemText(item).trim().toUpperCase();
    add(list, category);
    const dash = category.indexOf('-');
    if (dash > 0) add(list, category.slice(0, dash));
  }
}

function readKeywords(scan: RequestScan, node: number, field: number, array: number, list: string[]): void {
  for (let item = scan.first(node, array); item !== 0; item = scan.next(item)) {
    add(list, scan.itemText(item).trim().toLowerCase());
  }
  const text = scan.text(node, field);
  if (text === '') return;
  for (const word of text.split(',', MAX_TERMS)) add(list, word.trim().toLowerCase());
}

function readSegments(scan: RequestScan, list: string[]): void {
  const user = scan.object(scan.root, REQ.user);
  for (let data = scan.first(user, USER.data); data !== 0; data = scan.next(data)) {
    const node = scan.itemNode(data);
    const provider = scan.text(node, DATA.id) || scan.text(node, DATA.name);
    for (let item = scan.first(node, DATA.segment); item !== 0; item = scan.next(item)) {
      const segment = scan.itemNode(item);
      const id = scan.text(segment, SEGMENT.id) || scan.text(segment, SEGMENT.value);
      if (id !== '') add(list, `${provider}:${id}`);
    }
  }
}

function add(list: string[], term: string): void {
  if (term !== '' && list.length < MAX_TERMS && !list.includes(term)) list.push(term);
}

/** The host of a domain field or page address, lower case, without `www.`. */
export function siteDomain(text: string): string {
  let host = text.trim().toLowerCase();
  const scheme = host.indexOf('://');
  if (scheme >= 0) host = host.slice(scheme + 3);
  const end = host.search(/[/?#:]/);
  if (end >= 0) host = host.slice(0, end);
  return host.startsWith('www.') ? host.slice(4) : host;
}

/** A domain and those it is under: a.b.example.com, b.example.com, example.com, com. */
export function addDomains(list: string[], domain: string): void {
  let rest = domain;
  while (rest !== '') {
    add(list, rest);
    const dot = rest.indexOf('.');
    rest = dot < 0 ? '' : rest.slice(dot + 1);
  }
}
