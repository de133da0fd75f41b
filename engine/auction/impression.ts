import type { ReadyCreative } from '../creative/compile.ts';
import { DIM } from '../match/terms.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';

const IMP = shapes.IMP.f;
const BANNER = shapes.BANNER.f;
const FORMAT = shapes.FORMAT.f;
const MAX_SIZES = 64;

/** What one impression offers, read once per impression and reused. */
export interface Impression {
  node: number;
  banner: number;
  /** Exact banner sizes, width and height in turn. */
  readonly sizes: number[];
  secure: boolean;
  floorNanos: number;
}

export function createImpression(): Impression {
  return { node: -1, banner: -1, sizes: [], secure: false, floorNanos: 0 };
}

/** Reads an impression and adds its terms. @returns whether it offers anything we sell */
export function readImpression(scan: RequestScan, node: number, terms: string[][], into: Impression): boolean {
  into.node = node;
  into.banner = scan.object(node, IMP.banner);
  into.sizes.length = 0;
  into.secure = scan.numOr(node, IMP.secure, 0) === 1;
  const fill = terms[DIM.fill]!;
  const sizeTerms = terms[DIM.size]!;
  const positions = terms[DIM.position]!;
  fill.length = 0;
  sizeTerms.length = 0;
  positions.length = 0;
  if (into.banner < 0) return false;
  readSizes(scan, into);
  for (let i = 0; i < into.sizes.length; i += 2) {
    const size = `${into.sizes[i]}x${into.sizes[i + 1]}`;
    sizeTerms.push(size);
    fill.push(`banner:${size}`);
  }
  const position = scan.numOr(into.banner, BANNER.pos, 0);
  if (position > 0) positions.push(String(position));
  return fill.length > 0;
}

function readSizes(scan: RequestScan, into: Impression): void {
  addSize(into.sizes, scan.num(into.banner, BANNER.w), scan.num(into.banner, BANNER.h));
  for (let item = scan.first(into.banner, BANNER.format); item !== 0; item = scan.next(item)) {
    const format = scan.itemNode(item);
    addSize(into.sizes, scan.num(format, FORMAT.w), scan.num(format, FORMAT.h));
  }
}

function addSize(sizes: number[], w: number, h: number): void {
  if (!(w > 0 && h > 0) || sizes.length >= 2 * MAX_SIZES) return;
  for (let i = 0; i < sizes.length; i += 2) if (sizes[i] === w && sizes[i + 1] === h) return;
  sizes.push(w, h);
}

/** Whether a creative has one of the offered sizes. */
export function fits(impression: Impression, creative: ReadyCreative): boolean {
  if (creative.format !== 'banner' || impression.banner < 0) return false;
  const { sizes } = impression;
  for (let i = 0; i < sizes.length; i += 2) if (sizes[i] === creative.w && sizes[i + 1] === creative.h) return true;
  return false;
}
