import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';

const BANNER = shapes.BANNER.f;
const FORMAT = shapes.FORMAT.f;
const MAX_SIZES = 64;

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
  /** Width and height in turn. */
  readonly exact: number[];
  readonly ranges: SizeRange[];
}

const ANY = 100_000;
/** An interstitial need not fill the screen: this much of the width and height at least, as Google asks for. */
const INTERSTITIAL_MIN_W = 0.5;
const INTERSTITIAL_MIN_H = 0.4;

export function createBannerOffer(): BannerOffer {
  return { exact: [], ranges: [] };
}

/** Reads the sizes of a banner object: w and h, format[], ratios, the 2.4 limits, and what an interstitial allows. */
export function readBanner(scan: RequestScan, node: number, interstitial: boolean, into: BannerOffer): BannerOffer {
  into.exact.length = 0;
  into.ranges.length = 0;
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
  const { exact } = into;
  if (!(w > 0 && h > 0) || exact.length >= 2 * MAX_SIZES) return;
  for (let i = 0; i < exact.length; i += 2) if (exact[i] === w && exact[i + 1] === h) return;
  exact.push(w, h);
  if (!interstitial) return;
  const [minW, minH] = [w * INTERSTITIAL_MIN_W, h * INTERSTITIAL_MIN_H];
  addRange(into, { minW, maxW: w, minH, maxH: h, wRatio: 0, hRatio: 0 });
}

function addRange(into: BannerOffer, range: SizeRange): void {
  if (into.ranges.length < MAX_SIZES) into.ranges.push(range);
}

/** Whether a banner of a size may be shown. Ratios agree to one pixel. */
export function bannerFits(offer: BannerOffer, w: number, h: number): boolean {
  const { exact, ranges } = offer;
  for (let i = 0; i < exact.length; i += 2) if (exact[i] === w && exact[i + 1] === h) return true;
  for (const range of ranges) if (inRange(range, w, h)) return true;
  return false;
}

function inRange(range: SizeRange, w: number, h: number): boolean {
  if (w < range.minW || w > range.maxW || h < range.minH || h > range.maxH) return false;
  return range.wRatio === 0 || Math.abs((w * range.hRatio) / range.wRatio - h) <= 1;
}
