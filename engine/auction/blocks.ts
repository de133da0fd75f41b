import type { NoBidReason } from '../../core/reasons.ts';
import type { ReadyCreative } from '../creative/compile.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import { TextCache } from '../request/textcache.ts';
import { hashText } from './hash.ts';

const REQ = shapes.REQUEST.f;
/** Longer lists are searched by hash. */
const SHORT = 48;

/** A text of a block list, with its two places among 64 bits. */
interface Blocked {
  readonly text: string;
  readonly low: number;
  readonly high: number;
}

const upperCase = new TextCache((text) => blocked(text.trim().toUpperCase()));
const lowerCase = new TextCache((text) => blocked(text.trim().toLowerCase()));

function blocked(text: string): Blocked {
  const bits = new Int32Array(2);
  addBits(bits, 0, text);
  return { text, low: bits[0]!, high: bits[1]! };
}

/** Sets the bits that stand for a text in the two words from `at` on. */
export function addBits(words: Int32Array, at: number, text: string): void {
  const bit = hashText(text) & 63;
  const word = at + (bit >> 5);
  words[word] = words[word]! | (1 << (bit & 31));
}

/**
 * One block list of a request, reused from request to request. Its bits say quickly that a creative has nothing in
 * common with it: only where bits agree are texts compared.
 */
class BlockList {
  readonly #texts: string[] = [];
  readonly #hashed = new Set<string>();
  size = 0;
  low = 0;
  high = 0;

  clear(): void {
    this.size = 0;
    this.low = 0;
    this.high = 0;
    if (this.#hashed.size > 0) this.#hashed.clear();
  }

  add(entry: Blocked): void {
    this.#texts[this.size++] = entry.text;
    this.low |= entry.low;
    this.high |= entry.high;
  }

  has(text: string): boolean {
    if (this.size > SHORT) return this.#hash().has(text);
    for (let i = 0; i < this.size; i++) if (this.#texts[i] === text) return true;
    return false;
  }

  #hash(): ReadonlySet<string> {
    if (this.#hashed.size === 0) for (let i = 0; i < this.size; i++) this.#hashed.add(this.#texts[i]!);
    return this.#hashed;
  }
}

export type { BlockList };

/** What the publisher does not want, as read from one request. Reused. */
export interface Blocks {
  readonly categories: BlockList;
  readonly domains: BlockList;
  readonly apps: BlockList;
}

export function createBlocks(): Blocks {
  return { categories: new BlockList(), domains: new BlockList(), apps: new BlockList() };
}

/** Reads `bcat`, `badv` and `bapp`. */
export function readBlocks(scan: RequestScan, into: Blocks): void {
  const { categories, domains, apps } = into;
  const { root } = scan;
  categories.clear();
  domains.clear();
  apps.clear();
  for (let i = scan.first(root, REQ.bcat); i !== 0; i = scan.next(i)) categories.add(scan.itemCached(i, upperCase));
  for (let i = scan.first(root, REQ.badv); i !== 0; i = scan.next(i)) domains.add(scan.itemCached(i, lowerCase));
  for (let i = scan.first(root, REQ.bapp); i !== 0; i = scan.next(i)) apps.add(scan.itemCached(i, lowerCase));
}

/** Attributes that an impression blocks (`battr`), reused from impression to impression. */
export class AttributeList {
  readonly #codes: number[] = [];
  size = 0;

  clear(): void {
    this.size = 0;
  }

  add(code: number): void {
    this.#codes[this.size++] = code;
  }

  has(code: number): boolean {
    for (let i = 0; i < this.size; i++) if (this.#codes[i] === code) return true;
    return false;
  }
}

/** Why a creative is blocked, null when it is not. A blocked domain blocks its subdomains, a category its children. */
export function blockedBy(blocks: Blocks, attributes: AttributeList, creative: ReadyCreative): NoBidReason | null {
  const { attr, cat, adomain, bundle } = creative;
  if (attributes.size > 0 && attr.some((code) => attributes.has(code))) return 'blocked_attribute';
  if (blocks.categories.size > 0 && cat.some((category) => isBlockedCategory(blocks.categories, category))) {
    return 'blocked_category';
  }
  if (blocks.domains.size > 0 && adomain.some((domain) => isBlockedDomain(blocks.domains, domain))) {
    return 'blocked_advertiser';
  }
  return bundle !== '' && blocks.apps.has(bundle) ? 'blocked_app' : null;
}

/** Everything in a block list that would block a creative of these categories. */
export function blockableCategories(categories: readonly string[]): string[] {
  return categories.flatMap((category) => {
    const dash = category.indexOf('-');
    return dash > 0 ? [category, category.slice(0, dash)] : [category];
  });
}

/** Everything in a block list that would block a creative of these domains. */
export function blockableDomains(domains: readonly string[]): string[] {
  return domains.flatMap((domain) => {
    const parts = domain.split('.');
    return parts.map((_, i) => parts.slice(i).join('.'));
  });
}

function isBlockedCategory(list: BlockList, category: string): boolean {
  if (list.has(category)) return true;
  const dash = category.indexOf('-');
  return dash > 0 && list.has(category.slice(0, dash));
}

function isBlockedDomain(list: BlockList, domain: string): boolean {
  for (let rest = domain; rest !== ''; ) {
    if (list.has(rest)) return true;
    const dot = rest.indexOf('.');
    rest = dot < 0 ? '' : rest.slice(dot + 1);
  }
  return false;
}
