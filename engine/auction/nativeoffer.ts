import type { Creative } from '../../core/campaign.ts';

/** One asset a native placement asks for. */
export interface NativeAsset {
  readonly id: number;
  readonly required: boolean;
  readonly kind: 'title' | 'icon' | 'image' | 'sponsored' | 'description' | 'action' | 'other';
  /** Longest text, characters; Infinity when not said. */
  readonly maxChars: number;
  readonly minW: number;
  readonly minH: number;
}

export interface NativeOffer {
  readonly assets: readonly NativeAsset[];
  /** The request stood inside a `native` object; so shall the answer. */
  readonly wrapped: boolean;
  /** Native 1.2: event trackers are answered as such, before that as `imptrackers`. */
  readonly eventTrackers: boolean;
  /** The placement names the trackers it takes, and a pixel for the impression, which is how we count, is none of them. */
  readonly refusesPixel: boolean;
}

const MAX_REQUEST_CHARS = 32_768;
const MAX_ASSETS = 40;
const MAX_REMEMBERED = 500;
const remembered = new Map<string, NativeOffer | null>();

/** Reads the native request, a JSON text inside the request; the most recent ones are remembered. Null: not readable. */
export function readNative(text: string): NativeOffer | null {
  if (text === '' || text.length > MAX_REQUEST_CHARS) return null;
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const offer = parseNative(text);
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(text, offer);
  return offer;
}

type Loose = Readonly<Record<string, unknown>>;

function parseNative(text: string): NativeOffer | null {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isLoose(root)) return null;
  const wrapped = isLoose(root.native);
  const native = wrapped ? (root.native as Loose) : root;
  if (!Array.isArray(native.assets)) return null;
  const assets = native.assets.slice(0, MAX_ASSETS).filter(isLoose).map(readAsset);
  const version = Number.parseFloat(String(native.ver ?? ''));
  const trackers = Array.isArray(native.eventtrackers) ? native.eventtrackers.filter(isLoose) : null;
  return {
    assets,
    wrapped,
    eventTrackers: trackers !== null || !(version < 1.2),
    refusesPixel: trackers !== null && trackers.length > 0 && !trackers.some(takesPixel),
  };
}

const IMPRESSION = 1;
const PIXEL = 1;

function takesPixel(tracker: Loose): boolean {
  const methods = Array.isArray(tracker.methods) ? tracker.methods : [];
  return numberOf(tracker.event, 0) === IMPRESSION && methods.some((method) => numberOf(method, 0) === PIXEL);
}

function isLoose(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numberOf(value: unknown, otherwise: number): number {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : otherwise;
}

const dataKinds: Readonly<Record<number, NativeAsset['kind']>> = { 1: 'sponsored', 2: 'description', 12: 'action' };

function readAsset(asset: Loose): NativeAsset {
  const base = {
    id: numberOf(asset.id, 0),
    required: numberOf(asset.required, 0) === 1,
    maxChars: Infinity,
    minW: 0,
    minH: 0,
  };
  if (isLoose(asset.title)) return { ...base, kind: 'title', maxChars: numberOf(asset.title.len, Infinity) };
  if (isLoose(asset.data)) {
    const kind = dataKinds[numberOf(asset.data.type, 0)] ?? 'other';
    return { ...base, kind, maxChars: numberOf(asset.data.len, Infinity) };
  }
  if (!isLoose(asset.img)) return { ...base, kind: 'other' };
  const { img } = asset;
  const kind = numberOf(img.type, 3) === 1 ? 'icon' : 'image';
  return { ...base, kind, minW: numberOf(img.wmin, 0), minH: numberOf(img.hmin, 0) };
}

type NativeContent = NonNullable<Creative['native']>;

/** The answer to one asset, null when the creative has nothing that fits. */
export function answerAsset(asset: NativeAsset, native: NativeContent): Readonly<Record<string, unknown>> | null {
  switch (asset.kind) {
    case 'title':
      return native.title.length <= asset.maxChars ? { title: { text: native.title } } : null;
    case 'icon':
    case 'image': {
      const image = asset.kind === 'icon' ? native.icon : native.image;
      if (image === null || image.w < asset.minW || image.h < asset.minH) return null;
      return { img: { url: image.url, w: image.w, h: image.h } };
    }
    case 'sponsored':
      return textData(native.sponsoredBy, asset.maxChars);
    case 'description':
      return textData(native.description, asset.maxChars);
    case 'action':
      return textData(native.callToAction, asset.maxChars);
    case 'other':
      return null;
  }
}

function textData(value: string, maxChars: number): Readonly<Record<string, unknown>> | null {
  return value !== '' && value.length <= maxChars ? { data: { value } } : null;
}

/** Whether a creative has everything that is required, and can be counted. */
export function nativeFits(offer: NativeOffer, native: NativeContent): boolean {
  return !offer.refusesPixel && offer.assets.every((asset) => !asset.required || answerAsset(asset, native) !== null);
}
