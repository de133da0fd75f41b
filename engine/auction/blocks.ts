import type { NoBidReason } from '../../core/reasons.ts';
import type { ReadyCreative } from '../creative/compile.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import { forms } from '../request/textcache.ts';

const REQ = shapes.REQUEST.f;

/** What the publisher does not want, as read from one request. Reused. */
export interface Blocks {
  readonly categories: Set<string>;
  readonly domains: Set<string>;
  readonly apps: Set<string>;
  any: boolean;
}

export function createBlocks(): Blocks {
  return { categories: new Set(), domains: new Set(), apps: new Set(), any: false };
}

/** Reads `bcat`, `badv` and `bapp`. */
export function readBlocks(scan: RequestScan, into: Blocks): void {
  if (into.any) {
    into.categories.clear();
    into.domains.clear();
    into.apps.clear();
  }
  const { root } = scan;
  for (let i = scan.first(root, REQ.bcat); i !== 0; i = scan.next(i)) {
    into.categories.add(scan.itemCached(i, forms.upperCase));
  }
  for (let i = scan.first(root, REQ.badv); i !== 0; i = scan.next(i)) {
    into.domains.add(scan.itemCached(i, forms.lowerCase));
  }
  for (let i = scan.first(root, REQ.bapp); i !== 0; i = scan.next(i)) {
    into.apps.add(scan.itemCached(i, forms.lowerCase));
  }
  into.any = into.categories.size + into.domains.size + into.apps.size > 0;
}

/** Why a creative is blocked, null when it is not. A blocked domain blocks its subdomains, a category its children. */
export function blockedBy(
  blocks: Blocks,
  attributes: ReadonlySet<number>,
  creative: ReadyCreative,
): NoBidReason | null {
  if (attributes.size > 0 && creative.attr.some((attr) => attributes.has(attr))) return 'blocked_attribute';
  if (!blocks.any) return null;
  if (blocks.categories.size > 0 && creative.cat.some((cat) => isBlockedCategory(blocks.categories, cat))) {
    return 'blocked_category';
  }
  if (blocks.domains.size > 0 && creative.adomain.some((domain) => isBlockedDomain(blocks.domains, domain))) {
    return 'blocked_advertiser';
  }
  return creative.bundle !== '' && blocks.apps.has(creative.bundle) ? 'blocked_app' : null;
}

function isBlockedCategory(blocked: ReadonlySet<string>, category: string): boolean {
  const dash = category.indexOf('-');
  return blocked.has(category) || (dash > 0 && blocked.has(category.slice(0, dash)));
}

function isBlockedDomain(blocked: ReadonlySet<string>, domain: string): boolean {
  for (let rest = domain; rest !== ''; ) {
    if (blocked.has(rest)) return true;
    const dot = rest.indexOf('.');
    rest = dot < 0 ? '' : rest.slice(dot + 1);
  }
  return false;
}
