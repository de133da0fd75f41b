import { z } from 'zod';

/**
 * The fields of an OpenRTB 2.5/2.6 request that we read, as a tolerant schema: numbers may come as text or as
 * true/false, texts as numbers; anything of another type counts as absent, and so does what is unknown. It is the
 * reference for the bid server's scanner, which must read every body exactly like `JSON.parse` and this schema.
 */
const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

function toNumber(value: unknown): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  const number = typeof value === 'string' && JSON_NUMBER.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

function toText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined;
}

function toList<T>(value: unknown, toItem: (item: unknown) => T | undefined): T[] | undefined {
  return Array.isArray(value) ? value.map(toItem).filter((item) => item !== undefined) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const num = z.unknown().transform(toNumber).optional();
const text = z.unknown().transform(toText).optional();
const nums = z
  .unknown()
  .transform((value) => toList(value, toNumber))
  .optional();
const texts = z
  .unknown()
  .transform((value) => toList(value, toText))
  .optional();
const object = <T extends z.ZodRawShape>(shape: T) =>
  z.preprocess((value) => (isObject(value) ? value : undefined), z.object(shape).optional()).optional();
const objects = <T extends z.ZodRawShape>(shape: T) =>
  z
    .preprocess(
      (value) => (Array.isArray(value) ? value.filter(isObject) : undefined),
      z.array(z.object(shape)).optional(),
    )
    .optional();

const format = { w: num, h: num, wratio: num, hratio: num, wmin: num };
const banner = {
  w: num,
  h: num,
  format: objects(format),
  wmin: num,
  hmin: num,
  wmax: num,
  hmax: num,
  btype: nums,
  battr: nums,
  pos: num,
  mimes: texts,
  api: nums,
  vcm: num,
};
const media = {
  mimes: texts,
  minduration: num,
  maxduration: num,
  rqddurs: nums,
  protocols: nums,
  startdelay: num,
  battr: nums,
  minbitrate: num,
  maxbitrate: num,
  delivery: nums,
  api: nums,
  podid: text,
  maxseq: num,
  poddur: num,
  slotinpod: num,
  mincpmpersec: num,
};
const video = {
  ...media,
  protocol: num,
  w: num,
  h: num,
  placement: num,
  plcmt: num,
  linearity: num,
  skip: num,
  skipmin: num,
  skipafter: num,
  poddedupe: nums,
  pos: num,
};
const native = { request: text, ver: text, api: nums, battr: nums };
const deal = {
  id: text,
  bidfloor: num,
  bidfloorcur: text,
  at: num,
  wseat: texts,
  wadomain: texts,
  mincpmpersec: num,
};
const imp = {
  id: text,
  banner: object(banner),
  video: object(video),
  audio: object(media),
  native: object(native),
  pmp: object({ private_auction: num, deals: objects(deal) }),
  instl: num,
  rwdd: num,
  tagid: text,
  bidfloor: num,
  bidfloorcur: text,
  secure: num,
  clickbrowser: num,
  exp: num,
  qty: object({ multiplier: num }),
};
const inventory = {
  id: text,
  domain: text,
  publisher: object({ id: text, domain: text, cat: texts }),
  content: object({ cat: texts, cattax: num, language: text, keywords: text, kwarray: texts }),
  keywords: text,
  kwarray: texts,
};
const categories = { cat: texts, sectioncat: texts, pagecat: texts, cattax: num };
const geo = { lat: num, lon: num, country: text, region: text, city: text, zip: text, utcoffset: num };
const brand = { brand: text, version: texts };
const device = {
  ua: text,
  sua: object({ browsers: objects(brand), platform: object(brand), mobile: num, model: text }),
  geo: object(geo),
  dnt: num,
  lmt: num,
  ip: text,
  ipv6: text,
  devicetype: num,
  make: text,
  model: text,
  os: text,
  osv: text,
  language: text,
  langb: text,
  carrier: text,
  connectiontype: num,
  ifa: text,
};
const eids = objects({ source: text, uids: objects({ id: text, atype: num }) });
const user = {
  id: text,
  buyeruid: text,
  geo: object(geo),
  keywords: text,
  kwarray: texts,
  data: objects({ id: text, name: text, segment: objects({ id: text, name: text, value: text }) }),
  consent: text,
  eids,
  ext: object({ consent: text, eids }),
};
const signals = { gdpr: num, us_privacy: text, gpp: text, gpp_sid: nums };
const schain = object({ complete: num, ver: text, nodes: objects({ asi: text, sid: text, hp: num }) });

/** See the top of the file. Absent fields are undefined. */
export const bidRequestSchema = z.object({
  id: text,
  imp: objects(imp),
  site: object({ ...inventory, ...categories, page: text }),
  app: object({ ...inventory, ...categories, bundle: text }),
  dooh: object(inventory),
  device: object(device),
  user: object(user),
  test: num,
  at: num,
  tmax: num,
  wseat: texts,
  bseat: texts,
  cur: texts,
  bcat: texts,
  cattax: num,
  badv: texts,
  bapp: texts,
  source: object({ tid: text, fd: num, schain, ext: object({ schain }) }),
  regs: object({ coppa: num, ...signals, ext: object(signals) }),
});
const url = z.url({ protocol: /^https?$/ });

/** One bid of a response we send: OpenRTB 2.6 §4.2.3, strict about what we use. */
export const bidSchema = z.strictObject({
  id: z.string().min(1),
  impid: z.string(),
  price: z.number().positive(),
  adm: z.string().min(1),
  nurl: url,
  burl: url.optional(),
  lurl: url,
  adomain: z.array(z.string().min(1)).min(1),
  bundle: z.string().optional(),
  iurl: url.optional(),
  cid: z.string().min(1),
  crid: z.string().min(1),
  cat: z.array(z.string()).optional(),
  cattax: z.int().optional(),
  attr: z.array(z.int()).optional(),
  language: z.string().optional(),
  dealid: z.string().optional(),
  w: z.int().positive().optional(),
  h: z.int().positive().optional(),
  dur: z.int().positive().optional(),
  mtype: z.int().min(1).max(4),
  exp: z.int().positive(),
});

/** A response we send: OpenRTB 2.6 §4.2.1. Either bids, or a reason why there are none. */
export const bidResponseSchema = z
  .strictObject({
    id: z.string(),
    seatbid: z
      .array(z.strictObject({ seat: z.string().optional(), bid: z.array(bidSchema).min(1) }))
      .min(1)
      .optional(),
    cur: z
      .string()
      .regex(/^[A-Z]{3}$/)
      .optional(),
    nbr: z.int().optional(),
  })
  .refine((response) => (response.seatbid === undefined) !== (response.nbr === undefined), {
    message: 'either seatbid or nbr',
  });
