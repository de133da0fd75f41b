import type { BitReader } from './bits.ts';

/**
 * IAB Global Privacy Platform strings: a header with the ids of the sections, then the sections, joined by `~`. Here are
 * the header and the US sections; section 2 (tcfeu2) is a TC string and section 6 a US privacy string.
 */
export const GPP_TCF_EU = 2;
export const GPP_US_PRIVACY = 6;

const MAX_SECTIONS = 32;
const HEADER_TYPE = 3;
const HEADER_VERSION = 1;

/** The sections of one string, as positions in it. */
export interface GppSections {
  count: number;
  readonly ids: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

export function newGppSections(): GppSections {
  return {
    count: 0,
    ids: new Int32Array(MAX_SECTIONS),
    starts: new Int32Array(MAX_SECTIONS),
    ends: new Int32Array(MAX_SECTIONS),
  };
}

/** Finds the sections. @returns false, with no section, when the string is malformed. Never throws. */
export function readGppHeader(bits: BitReader, text: string, out: GppSections): boolean {
  out.count = 0;
  let end = text.indexOf('~');
  if (end < 0) end = text.length;
  if (!bits.load(text, 0, end) || bits.read(0, 6) !== HEADER_TYPE || bits.read(6, 6) !== HEADER_VERSION) return false;
  const found = readSectionIds(bits, out);
  if (found < 0) return false;
  for (let i = 0; i < found; i++) {
    if (end >= text.length) return false;
    const next = text.indexOf('~', end + 1);
    out.starts[i] = end + 1;
    out.ends[i] = next < 0 ? text.length : next;
    end = out.ends[i]!;
  }
  if (end !== text.length) return false;
  out.count = found;
  return true;
}

/** Ranges of ids, each a Fibonacci-coded distance from the one before. @returns how many, or -1 when malformed */
function readSectionIds(bits: BitReader, out: GppSections): number {
  const ranges = bits.read(12, 12);
  let at = 24;
  let last = 0;
  let found = 0;
  for (let i = 0; i < ranges; i++) {
    const isRange = bits.read(at++, 1) === 1;
    at = readFibonacci(bits, at);
    const first = last + fibonacciValue;
    let to = first;
    if (isRange) {
      at = readFibonacci(bits, at);
      to = first + fibonacciValue;
    }
    if (bits.overrun || at < 0) return -1;
    for (let id = first; id <= to; id++) {
      if (found === MAX_SECTIONS) return -1;
      out.ids[found++] = id;
    }
    last = to;
  }
  return found;
}

let fibonacciValue = 0;

/** Fibonacci coding ends at the first two ones in a row. @returns the position after it, -1 when it does not end */
function readFibonacci(bits: BitReader, from: number): number {
  let value = 0;
  let [low, high] = [1, 2];
  let before = 0;
  for (let at = from; at < from + 32; at++) {
    const bit = bits.read(at, 1);
    if (bits.overrun) return -1;
    if (bit === 1 && before === 1) {
      fibonacciValue = value;
      return at + 1;
    }
    if (bit === 1) value += low;
    before = bit;
    [low, high] = [high, low + high];
  }
  return -1;
}

/** Where a US section keeps what matters to us; bit positions of two-bit fields, -1 when it has no such field. */
interface UsLayout {
  readonly sale: number;
  readonly sharing: number;
  readonly targeted: number;
  readonly child: number;
  readonly children: number;
  /** Whether the positions depend on the version in the first six bits. */
  readonly version2?: UsLayout;
}

/** Section id → layout, from the IAB's "GPP US states" section specifications; version 1 unless said otherwise. */
const usLayouts: ReadonlyMap<number, UsLayout> = new Map<number, UsLayout>([
  [
    7, // usnat
    {
      ...layout(18, 20, 22, 48, 2),
      version2: layout(18, 20, 22, 56, 3),
    },
  ],
  [8, layout(12, 14, -1, 34, 2)], // usca
  [9, layout(12, -1, 14, 32, 1)], // usva
  [10, layout(12, -1, 14, 30, 1)], // usco
  [11, layout(14, -1, 16, 34, 1)], // usut
  [12, layout(12, -1, 14, 32, 3)], // usct
  [13, layout(12, -1, 14, 32, 3)], // usfl
  [14, layout(12, -1, 14, 32, 3)], // usmt
  [15, layout(12, -1, 14, 38, 3)], // usor
  [16, layout(12, -1, 14, 32, 1)], // ustx
  [17, layout(12, -1, 14, 34, 5)], // usde
  [18, layout(14, -1, 16, 34, 1)], // usia
  [19, layout(12, -1, 14, 32, 1)], // usne
  [20, layout(12, -1, 14, 32, 3)], // usnh
  [21, layout(12, -1, 14, 36, 5)], // usnj
  [22, layout(12, -1, 14, 32, 1)], // ustn
  [23, layout(12, -1, 14, 32, 1)], // usmn
]);

function layout(sale: number, sharing: number, targeted: number, child: number, children: number): UsLayout {
  return { sale, sharing, targeted, child, children };
}

export const usVerdicts = ['allowed', 'opted_out', 'child', 'unreadable'] as const;
export type UsVerdict = (typeof usVerdicts)[number];

/** Whether a section id is one whose opt-outs we can read. */
export function isUsSection(id: number): boolean {
  return usLayouts.has(id);
}

/** What a US section says. A Global Privacy Control signal counts as an opt-out. Never throws. */
export function readUsSection(bits: BitReader, id: number, text: string, start: number, end: number): UsVerdict {
  const known = usLayouts.get(id);
  if (known === undefined) return 'unreadable';
  const dot = text.indexOf('.', start);
  const coreEnd = dot < 0 || dot > end ? end : dot;
  if (!bits.load(text, start, coreEnd)) return 'unreadable';
  const version = bits.read(0, 6);
  const at = version === 2 ? known.version2 : version === 1 ? known : undefined;
  if (at === undefined) return 'unreadable';
  let isChild = false;
  for (let i = 0; i < at.children; i++) if (bits.read(at.child + i * 2, 2) !== 0) isChild = true;
  const optedOut = isOptOut(bits, at.sale) || isOptOut(bits, at.sharing) || isOptOut(bits, at.targeted);
  if (bits.overrun) return 'unreadable';
  if (isChild) return 'child';
  return optedOut || hasGpc(bits, text, coreEnd, end) ? 'opted_out' : 'allowed';
}

/** 0 not applicable, 1 opted out, 2 did not opt out; 3 means nothing and is read as an opt-out. */
function isOptOut(bits: BitReader, at: number): boolean {
  if (at < 0) return false;
  const value = bits.read(at, 2);
  return value === 1 || value === 3;
}

/** Segments after the core: type 1 (two bits) carries the GPC flag. A segment that cannot be read counts as set. */
function hasGpc(bits: BitReader, text: string, coreEnd: number, end: number): boolean {
  for (let start = coreEnd + 1; start < end; ) {
    const dot = text.indexOf('.', start);
    const segmentEnd = dot < 0 || dot > end ? end : dot;
    if (!bits.load(text, start, segmentEnd)) return true;
    if (bits.read(0, 2) === 1 && bits.read(2, 1) === 1) return true;
    start = segmentEnd + 1;
  }
  return false;
}
