/**
 * What the scanner keeps of a request: one table from which the scanner works and the support table of the
 * documentation is written. Kinds: a number (also when sent as text or as true/false), a text (also when sent as a
 * number), a list of either, an object, a list of objects. Anything else found in a field's place counts as absent.
 */
export const KIND = { num: 1, text: 2, nums: 3, texts: 4, object: 5, objects: 6 } as const;
export type Kind = keyof typeof KIND;

/** `word` and `words` are texts that come again and again and that nearly every request is asked for. */
type FieldSpec = Kind | 'word' | 'words' | { readonly object: Shape } | { readonly objects: Shape };

/** One object type: its field names are positions, `f.name` is a field's position. */
export interface Shape<Names extends string = string> {
  readonly name: string;
  readonly f: Readonly<Record<Names, number>>;
  readonly size: number;
  readonly names: readonly Names[];
  /** Kind of each field, as a number of `KIND`. */
  readonly kinds: Uint8Array;
  /** Whether the scanner looks up the number of a text at once, see `RequestScan.cached`. */
  readonly areWords: readonly boolean[];
  readonly children: readonly (Shape | null)[];
}

function shape<Names extends string>(name: string, fields: Readonly<Record<Names, FieldSpec>>): Shape<Names> {
  const names = Object.keys(fields) as Names[];
  const specs = names.map((field) => fields[field] as FieldSpec);
  const positions = Object.fromEntries(names.map((field, i) => [field, i])) as Record<Names, number>;
  return {
    name,
    f: positions,
    size: names.length,
    names,
    kinds: Uint8Array.from(specs, (spec) => {
      if (typeof spec !== 'string') return 'object' in spec ? KIND.object : KIND.objects;
      return KIND[spec === 'word' ? 'text' : spec === 'words' ? 'texts' : spec];
    }),
    areWords: specs.map((spec) => spec === 'word' || spec === 'words'),
    children: specs.map((spec) => (typeof spec === 'string' ? null : 'object' in spec ? spec.object : spec.objects)),
  };
}

const FORMAT = shape('format', { w: 'num', h: 'num', wratio: 'num', hratio: 'num', wmin: 'num' });
const BANNER = shape('banner', {
  w: 'num',
  h: 'num',
  format: { objects: FORMAT },
  wmin: 'num',
  hmin: 'num',
  wmax: 'num',
  hmax: 'num',
  btype: 'nums',
  battr: 'nums',
  pos: 'num',
  mimes: 'texts',
  api: 'nums',
  vcm: 'num',
});
const VIDEO = shape('video', {
  mimes: 'texts',
  minduration: 'num',
  maxduration: 'num',
  rqddurs: 'nums',
  protocols: 'nums',
  protocol: 'num',
  w: 'num',
  h: 'num',
  startdelay: 'num',
  placement: 'num',
  plcmt: 'num',
  linearity: 'num',
  skip: 'num',
  skipmin: 'num',
  skipafter: 'num',
  battr: 'nums',
  minbitrate: 'num',
  maxbitrate: 'num',
  delivery: 'nums',
  pos: 'num',
  api: 'nums',
  podid: 'text',
  maxseq: 'num',
  poddur: 'num',
  slotinpod: 'num',
  poddedupe: 'nums',
  mincpmpersec: 'num',
});
const AUDIO = shape('audio', {
  mimes: 'texts',
  minduration: 'num',
  maxduration: 'num',
  rqddurs: 'nums',
  protocols: 'nums',
  startdelay: 'num',
  battr: 'nums',
  minbitrate: 'num',
  maxbitrate: 'num',
  delivery: 'nums',
  api: 'nums',
  podid: 'text',
  maxseq: 'num',
  poddur: 'num',
  slotinpod: 'num',
  mincpmpersec: 'num',
});
const NATIVE = shape('native', { request: 'text', ver: 'text', api: 'nums', battr: 'nums' });
const DEAL = shape('deal', {
  id: 'text',
  bidfloor: 'num',
  bidfloorcur: 'text',
  at: 'num',
  wseat: 'texts',
  wadomain: 'texts',
  mincpmpersec: 'num',
});
const PMP = shape('pmp', { private_auction: 'num', deals: { objects: DEAL } });
const QTY = shape('qty', { multiplier: 'num' });
const IMP = shape('imp', {
  id: 'text',
  banner: { object: BANNER },
  video: { object: VIDEO },
  audio: { object: AUDIO },
  native: { object: NATIVE },
  pmp: { object: PMP },
  instl: 'num',
  rwdd: 'num',
  tagid: 'text',
  bidfloor: 'num',
  bidfloorcur: 'word',
  secure: 'num',
  clickbrowser: 'num',
  exp: 'num',
  qty: { object: QTY },
});
const PUBLISHER = shape('publisher', { id: 'text', domain: 'text', cat: 'texts' });
const CONTENT = shape('content', { cat: 'words', cattax: 'num', language: 'text', keywords: 'text', kwarray: 'texts' });
const SITE = shape('site', {
  id: 'text',
  domain: 'word',
  page: 'text',
  cat: 'words',
  sectioncat: 'words',
  pagecat: 'words',
  cattax: 'num',
  publisher: { object: PUBLISHER },
  content: { object: CONTENT },
  keywords: 'text',
  kwarray: 'texts',
});
const APP = shape('app', {
  id: 'text',
  bundle: 'word',
  domain: 'text',
  cat: 'words',
  sectioncat: 'words',
  pagecat: 'words',
  cattax: 'num',
  publisher: { object: PUBLISHER },
  content: { object: CONTENT },
  keywords: 'text',
  kwarray: 'texts',
});
const DOOH = shape('dooh', {
  id: 'text',
  domain: 'word',
  publisher: { object: PUBLISHER },
  content: { object: CONTENT },
  keywords: 'text',
  kwarray: 'texts',
});
const GEO = shape('geo', {
  lat: 'num',
  lon: 'num',
  country: 'word',
  region: 'word',
  city: 'text',
  zip: 'text',
  utcoffset: 'num',
});
const BRAND = shape('brand', { brand: 'text', version: 'texts' });
const SUA = shape('sua', { browsers: { objects: BRAND }, platform: { object: BRAND }, mobile: 'num', model: 'text' });
const DEVICE = shape('device', {
  ua: 'text',
  sua: { object: SUA },
  geo: { object: GEO },
  dnt: 'num',
  lmt: 'num',
  ip: 'text',
  ipv6: 'text',
  devicetype: 'num',
  make: 'text',
  model: 'text',
  os: 'word',
  osv: 'text',
  language: 'word',
  langb: 'text',
  carrier: 'text',
  connectiontype: 'num',
  ifa: 'text',
});
const UID = shape('uid', { id: 'text', atype: 'num' });
const EID = shape('eid', { source: 'text', uids: { objects: UID } });
const SEGMENT = shape('segment', { id: 'word', name: 'text', value: 'text' });
const DATA = shape('data', { id: 'word', name: 'text', segment: { objects: SEGMENT } });
const USER_EXT = shape('user.ext', { consent: 'text', eids: { objects: EID } });
const USER = shape('user', {
  id: 'text',
  buyeruid: 'text',
  geo: { object: GEO },
  keywords: 'text',
  kwarray: 'texts',
  data: { objects: DATA },
  consent: 'text',
  eids: { objects: EID },
  ext: { object: USER_EXT },
});
const REGS_EXT = shape('regs.ext', { gdpr: 'num', us_privacy: 'word', gpp: 'text', gpp_sid: 'nums' });
const REGS = shape('regs', {
  coppa: 'num',
  gdpr: 'num',
  us_privacy: 'word',
  gpp: 'text',
  gpp_sid: 'nums',
  ext: { object: REGS_EXT },
});
const NODE = shape('schain.node', { asi: 'text', sid: 'text', hp: 'num' });
const SCHAIN = shape('schain', { complete: 'num', ver: 'text', nodes: { objects: NODE } });
const SOURCE_EXT = shape('source.ext', { schain: { object: SCHAIN } });
const SOURCE = shape('source', {
  tid: 'text',
  fd: 'num',
  schain: { object: SCHAIN },
  ext: { object: SOURCE_EXT },
});
const REQUEST = shape('request', {
  id: 'text',
  imp: { objects: IMP },
  site: { object: SITE },
  app: { object: APP },
  dooh: { object: DOOH },
  device: { object: DEVICE },
  user: { object: USER },
  test: 'num',
  at: 'num',
  tmax: 'num',
  wseat: 'texts',
  bseat: 'texts',
  cur: 'words',
  bcat: 'words',
  cattax: 'num',
  badv: 'words',
  bapp: 'words',
  source: { object: SOURCE },
  regs: { object: REGS },
});

/** The shapes by name. */
export const shapes = {
  FORMAT,
  BANNER,
  VIDEO,
  AUDIO,
  NATIVE,
  DEAL,
  PMP,
  QTY,
  IMP,
  PUBLISHER,
  CONTENT,
  SITE,
  APP,
  DOOH,
  GEO,
  BRAND,
  SUA,
  DEVICE,
  UID,
  EID,
  SEGMENT,
  DATA,
  USER_EXT,
  USER,
  REGS_EXT,
  REGS,
  SCHAIN_NODE: NODE,
  SCHAIN,
  SOURCE_EXT,
  SOURCE,
  REQUEST,
} as const;
