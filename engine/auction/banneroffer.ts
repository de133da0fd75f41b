import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';

const BANNER = shapes.BANNER.f;
const FORMAT = shapes.FORMAT.f;
const MAX_SIZES = 64;
/** Wider or higher than any screen. */
const MAX_PIXELS = 32_768;

/** Sizes that fit although they are not named: limits, and a ratio when one is asked for (0: any). */
export interface SizeRange {
  readonly minW: number;
  readonly maxW: number;
  readonly minH: number;
  readonly maxH: number;
  readonly wRatio: number;
  readonly hRatio: number;
}

export interface BannerOffer {
  /** Widths and heights in turn, as sizes `packSize` makes; the first `exactCount` count. */
  readonly exact: Int32Array;
  exactCount: number;
  readonly ranges: SizeRange[];
  /** Banner types the publisher blocks (`btype`): bit n for type n. */
  blockedTypes: number;
}

const ANY = 100_000;
/** An interstitial need not fill the screen: this much of the width and height at least, as Google asks for. */
const INTERSTITIAL_MIN_W = 0.5;
const INTERSTITIAL_MIN_H = 0.4;

export function createBannerOffer(): BannerOffer {
  return { exact: new Int32Array(MAX_SIZES), exactCount: 0, ranges: [], blockedTypes: 0 };
}

/** Reads the sizes of a banner object: w and h, format[], ratios, the 2.4 limits, and what an interstitial allows. */
export function readBanner(scan: RequestScan, node: number, interstitial: boolean, into: BannerOffer): BannerOffer {
  into.exactCount = 0;
  if (into.ranges.length > 0) into.ranges.length = 0;
  into.blockedTypes = 0;
  for (let i = scan.first(node, BANNER.btype); i !== 0; i = scan.next(i)) {
    const type = scan.itemNum(i);
    if (type > 0 && type < 32) into.blockedTypes |= 1 << type;
  }
  addSize(into, scan.num(node, BANNER.w), scan.num(node, BANNER.h), interstitial);
  for (let item = scan.first(node, BANNER.format); item !== 0; item = scan.next(item)) {
    const format = scan.itemNode(item);
    addSize(into, scan.num(format, FORMAT.w), scan.num(format, FORMAT.h), interstitial);
    const wRatio = scan.numOr(format, FORMAT.wratio, 0);
    const hRatio = scan.numOr(format, FORMAT.hratio, 0);
    if (wRatio > 0 && hRatio > 0) {
      addRange(into, { minW: scan.numOr(format, FORMAT.wmin, 0), maxW: ANY, minH: 0, maxH: ANY, wRatio, hRatio });
    }
  }
  const maxW = scan.numOr(node, BANNER.wmax, 0);
  const maxH = scan.numOr(node, BANNER.hmax, 0);
  if (maxW > 0 && maxH > 0) {
    const [minW, minH] = [scan.numOr(node, BANNER.wmin, 0), scan.numOr(node, BANNER.hmin, 0)];
    addRange(into, { minW, maxW, minH, maxH, wRatio: 0, hRatio: 0 });
  }
  return into;
}

function addSize(into: BannerOffer, w: number, h: number, interstitial: boolean): void {
  const size = packSize(w, h);
  if (size === 0 || into.exactCount >= MAX_SIZES || hasSize(into, size)) return;
  into.exact[into.exactCount++] = size;
  if (!interstitial) return;
  const [minW, minH] = [w * INTERSTITIAL_MIN_W, h * INTERSTITIAL_MIN_H];
  addRange(into, { minW, maxW: w, minH, maxH: h, wRatio: 0, hRatio: 0 });
}

function addRange(into: BannerOffer, range: SizeRange): void {
  if (into.ranges.length < MAX_SIZES) into.ranges.push(range);
}

/** Whether a banner of a size may be shown. Ratios agree to one pixel. */
export function bannerFits(offer: BannerOffer, size: number): boolean {
  if (size === 0) return false;
  if (hasSize(offer, size)) return true;
  if (offer.ranges.length === 0) return false;
  const { w, h } = unpackSize(size);
  for (let i = 0; i < offer.ranges.length; i++) if (inRange(offer.ranges[i]!, w, h)) return true;
  return false;
}

function hasSize(offer: BannerOffer, size: number): boolean {
  for (let i = 0; i < offer.exactCount; i++) if (offer.exact[i] === size) return true;
  return false;
}

/** A size as one number; 0 for what is no size in whole pixels. */
export function packSize(w: number, h: number): number {
  return w > 0 && w < MAX_PIXELS && h > 0 && h < MAX_PIXELS && Number.isInteger(w) && Number.isInteger(h)
    ? w * MAX_PIXELS + h
    : 0;
}

function inRange(range: SizeRange, w: number, h: number): boolean {
  if (w < range.minW || w > range.maxW || h < range.minH || h > range.maxH) return false;
  return range.wRatio === 0 || Math.abs((w * range.hRatio) / range.wRatio - h) <= 1;
}

export function unpackSize(size: number): { readonly w: number; readonly h: number } {
  return { w: Math.floor(size / MAX_PIXELS), h: size % MAX_PIXELS };
}
