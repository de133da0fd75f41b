import { TermList } from '../match/termlist.ts';
import { DIM, indexDimensions } from '../match/terms.ts';
import { noTerm, numericTerm, Term } from '../match/vocabulary.ts';
import type { RequestScan } from './scan.ts';
import { shapes } from './shapes.ts';
import { forms, TextCache } from './textcache.ts';
import { readAgent } from './useragent.ts';

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

/** Most words of one keyword list, and most levels of a domain. */
const MAX_WORDS = 200;

const { upperCase, lowerCase } = forms;
const trimmed = new TextCache((text) => new Term(text.trim()));
const languages = new TextCache((text) => new Term(primaryLanguage(text)));
const exchanges = new Map<string, Term>();
const categoryTerms = termsCache(withParent);
const domainTerms = termsCache((text) => domainsAbove(siteDomain(text)));

/** Several terms by a text, each once. */
function termsCache(make: (text: string) => string[]): TextCache<readonly Term[]> {
  return new TextCache((text) => {
    const texts = new Set(make(text));
    texts.delete('');
    return [...texts].map((one) => new Term(one));
  });
}

/** Segments as terms, by data provider. */
type Provider = TextCache<Term>;
const MAX_PROVIDERS = 16;
const knownProviders = new Map<string, Provider>();
const providers = new TextCache((name) => (name === '' ? null : providerOf(name)));
const nameless = providerOf('');

/** Who and where, of a whole request: what targeting, tokens and reports need of it. Reused for every request. */
export interface Audience {
  /** Terms per index dimension; those of the impression are filled in later. */
  readonly terms: readonly TermList[];
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
    terms: indexDimensions.map(() => new TermList()),
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

/** Which dimensions of targeting matter: the terms of others are not read. */
export interface Wanted {
  uses(dimension: number): boolean;
}

/** Reads the request-level terms. `segment` is left empty when `personal` is false. */
export function readAudience(
  scan: RequestScan,
  exchange: string,
  personal: boolean,
  wanted: Wanted,
  into: Audience,
): void {
  const { terms } = into;
  for (let i = 0; i < terms.length; i++) terms[i]!.clear();
  const device = scan.object(scan.root, REQ.device);
  readPlace(scan, device, wanted, into);
  readDevice(scan, device, wanted, into);
  readInventory(scan, wanted, into);
  terms[DIM.exchange]!.add(exchangeTerm(exchange));
  if (personal && wanted.uses(DIM.segment)) readSegments(scan, terms[DIM.segment]!);
}

function readPlace(scan: RequestScan, device: number, wanted: Wanted, into: Audience): void {
  const user = scan.object(scan.root, REQ.user);
  const deviceGeo = scan.object(device, DEVICE.geo);
  const geo = deviceGeo >= 0 ? deviceGeo : scan.object(user, USER.geo);
  const country = scan.cached(geo, GEO.country, upperCase);
  const region = scan.cached(geo, GEO.region, upperCase);
  into.country = country.text;
  into.region = region.text;
  into.lat = scan.numOr(geo, GEO.lat, Number.NaN);
  into.lon = scan.numOr(geo, GEO.lon, Number.NaN);
  into.utcOffsetMinutes = scan.numOr(geo, GEO.utcoffset, Number.NaN);
  const { terms } = into;
  terms[DIM.country]!.add(country);
  if (wanted.uses(DIM.region)) {
    terms[DIM.region]!.add(region);
    if (region.text !== '' && country.text !== '') terms[DIM.region]!.add(qualifiedRegion(country, region));
  }
  if (wanted.uses(DIM.city)) terms[DIM.city]!.add(scan.cached(geo, GEO.city, lowerCase));
  if (wanted.uses(DIM.zip)) terms[DIM.zip]!.add(scan.cached(geo, GEO.zip, upperCase));
}

function readDevice(scan: RequestScan, device: number, wanted: Wanted, into: Audience): void {
  const { terms } = into;
  const type = scan.numOr(device, DEVICE.devicetype, 0);
  into.deviceType = type > 0 && type < 100 && Number.isInteger(type) ? type : 0;
  if (into.deviceType > 0) terms[DIM.deviceType]!.add(numericTerm(into.deviceType));
  const connection = scan.numOr(device, DEVICE.connectiontype, -1);
  if (connection >= 0 && connection < 100 && Number.isInteger(connection)) {
    terms[DIM.connectionType]!.add(numericTerm(connection));
  }
  let os = scan.cached(device, DEVICE.os, lowerCase);
  const wantsVersion = wanted.uses(DIM.osVersion);
  const osVersion = wantsVersion ? scan.cached(device, DEVICE.osv, lowerCase) : noTerm;
  // The longest text of a device is read only for what its other fields do not say.
  if (os.text === '' || (wantsVersion && osVersion.text === '') || wanted.uses(DIM.browser)) {
    const agent = readAgent(scan.text(device, DEVICE.ua));
    if (os.text === '') os = agent.os;
    if (wantsVersion && osVersion.text === '') terms[DIM.osVersion]!.add(agent.osVersion);
    terms[DIM.browser]!.add(agent.browser);
  }
  into.os = os.text;
  terms[DIM.os]!.add(os);
  if (wantsVersion) terms[DIM.osVersion]!.add(osVersion);
  if (wanted.uses(DIM.make)) terms[DIM.make]!.add(scan.cached(device, DEVICE.make, lowerCase));
  if (wanted.uses(DIM.carrier)) terms[DIM.carrier]!.add(scan.cached(device, DEVICE.carrier, lowerCase));
  if (!wanted.uses(DIM.language)) return;
  const language = scan.cached(device, DEVICE.language, languages);
  terms[DIM.language]!.add(language.text === '' ? scan.cached(device, DEVICE.langb, languages) : language);
}

/** The segments of the first providers are remembered; those of later ones are made anew, so that memory is fixed. */
function providerOf(name: string): Provider {
  const known = knownProviders.get(name);
  if (known !== undefined) return known;
  const term = (id: string) => new Term(id === '' ? '' : `${name}:${id}`);
  if (knownProviders.size >= MAX_PROVIDERS) return new TextCache(term, false);
  const made = new TextCache(term);
  knownProviders.set(name, made);
  return made;
}

const QUALIFIED_BITS = 11;
const qualified = Array.from({ length: 1 << QUALIFIED_BITS }, () => ({
  country: noTerm,
  region: noTerm,
  term: noTerm,
}));

/** "USA-CA": a region with its country; those of the day are remembered. */
function qualifiedRegion(country: Term, region: Term): Term {
  const kept =
    qualified[Math.imul(Math.imul(country.serial, 31) + region.serial, 0x9e3779b1) >>> (32 - QUALIFIED_BITS)]!;
  if (kept.country !== country || kept.region !== region) {
    kept.country = country;
    kept.region = region;
    kept.term = new Term(`${country.text}-${region.text}`);
  }
  return kept.term;
}

let lastExchange = noTerm;

/** Exchanges come from the configuration: they are few. */
function exchangeTerm(name: string): Term {
  if (name === lastExchange.text) return lastExchange;
  let term = exchanges.get(name);
  if (term === undefined) {
    term = new Term(name);
    exchanges.set(name, term);
  }
  lastExchange = term;
  return term;
}

/** @param terms the domain and those it is under */
function readDomain(terms: readonly Term[], into: Audience): void {
  into.domain = terms.length > 0 ? terms[0]!.text : '';
  into.terms[DIM.domain]!.addAll(terms);
}

/** A category of taxonomy 1 also stands for its parent: IAB1-2 is in IAB1. */
function withParent(text: string): string[] {
  const category = text.trim().toUpperCase();
  const dash = category.indexOf('-');
  return dash > 0 ? [category, category.slice(0, dash)] : [category];
}

function primaryLanguage(language: string): string {
  const end = language.search(/[-_]/);
  return (end < 0 ? language : language.slice(0, end)).trim().toLowerCase();
}

function readInventory(scan: RequestScan, wanted: Wanted, into: Audience): void {
  const site = scan.object(scan.root, REQ.site);
  const app = scan.object(scan.root, REQ.app);
  const dooh = scan.object(scan.root, REQ.dooh);
  into.domain = '';
  if (site >= 0) {
    readDomain(scan.cached(site, SITE.domain, domainTerms), into);
    if (into.domain === '') readDomain(scan.cached(site, SITE.page, domainTerms), into);
    if (wanted.uses(DIM.category)) {
      readCategories(scan, site, SITE.cat, into);
      readCategories(scan, site, SITE.sectioncat, into);
      readCategories(scan, site, SITE.pagecat, into);
    }
    readContext(scan, scan.object(site, SITE.publisher), scan.object(site, SITE.content), wanted, into);
    if (wanted.uses(DIM.keyword)) readKeywords(scan, site, SITE.keywords, SITE.kwarray, into);
  } else if (app >= 0) {
    const bundle = scan.cached(app, APP.bundle, lowerCase);
    into.domain = bundle.text;
    into.terms[DIM.bundle]!.add(bundle);
    if (wanted.uses(DIM.category)) {
      readCategories(scan, app, APP.cat, into);
      readCategories(scan, app, APP.sectioncat, into);
      readCategories(scan, app, APP.pagecat, into);
    }
    readContext(scan, scan.object(app, APP.publisher), scan.object(app, APP.content), wanted, into);
    if (wanted.uses(DIM.keyword)) readKeywords(scan, app, APP.keywords, APP.kwarray, into);
  } else if (dooh >= 0) {
    readDomain(scan.cached(dooh, DOOH.domain, domainTerms), into);
    readContext(scan, scan.object(dooh, DOOH.publisher), scan.object(dooh, DOOH.content), wanted, into);
    if (wanted.uses(DIM.keyword)) readKeywords(scan, dooh, DOOH.keywords, DOOH.kwarray, into);
  }
}

function readContext(scan: RequestScan, publisher: number, content: number, wanted: Wanted, into: Audience): void {
  if (wanted.uses(DIM.publisher)) into.terms[DIM.publisher]!.add(scan.cached(publisher, PUBLISHER.id, trimmed));
  if (content < 0) return;
  if (wanted.uses(DIM.category)) readCategories(scan, content, CONTENT.cat, into);
  if (wanted.uses(DIM.keyword)) readKeywords(scan, content, CONTENT.keywords, CONTENT.kwarray, into);
}

function readCategories(scan: RequestScan, node: number, field: number, into: Audience): void {
  const list = into.terms[DIM.category]!;
  for (let item = scan.first(node, field); item !== 0; item = scan.next(item)) {
    list.addAll(scan.itemCached(item, categoryTerms));
  }
}

function readKeywords(scan: RequestScan, node: number, field: number, array: number, into: Audience): void {
  const list = into.terms[DIM.keyword]!;
  for (let item = scan.first(node, array); item !== 0; item = scan.next(item)) {
    list.add(scan.itemCached(item, lowerCase));
  }
  // Each word is known by itself: whole lists hardly ever come again.
  scan.addPieces(node, field, MAX_WORDS, lowerCase, list);
}

function readSegments(scan: RequestScan, list: TermList): void {
  const user = scan.object(scan.root, REQ.user);
  for (let data = scan.first(user, USER.data); data !== 0; data = scan.next(data)) {
    const node = scan.itemNode(data);
    const provider = scan.cached(node, DATA.id, providers) ?? scan.cached(node, DATA.name, providers) ?? nameless;
    for (let item = scan.first(node, DATA.segment); item !== 0; item = scan.next(item)) {
      const segment = scan.itemNode(item);
      const id = scan.cached(segment, SEGMENT.id, provider);
      list.add(id.text === '' ? scan.cached(segment, SEGMENT.value, provider) : id);
    }
  }
}

/** The host of a domain field or page address, lower case, without `www.`. */
function siteDomain(text: string): string {
  let host = text.trim().toLowerCase();
  const scheme = host.indexOf('://');
  if (scheme >= 0) host = host.slice(scheme + 3);
  const end = host.search(/[/?#:]/);
  if (end >= 0) host = host.slice(0, end);
  return host.startsWith('www.') ? host.slice(4) : host;
}

/** A domain and those it is under: a.b.example.com, b.example.com, example.com, com. */
function domainsAbove(domain: string): string[] {
  const list: string[] = [];
  let rest = domain;
  while (rest !== '' && list.length < MAX_WORDS) {
    list.push(rest);
    const dot = rest.indexOf('.');
    rest = dot < 0 ? '' : rest.slice(dot + 1);
  }
  return list;
}
