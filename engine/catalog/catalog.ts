import type { Advertiser, Campaign, LineItem } from '../../core/campaign.ts';
import type { CampaignChange } from '../../core/topics.ts';
import { compileCircles } from '../auction/distance.ts';
import { cellsOf } from '../auction/geocells.ts';
import { compileCreative, type ReadyCreative } from '../creative/compile.ts';
import { TermIndex } from '../match/termindex.ts';
import { DIM, indexDimensions, targetingTerms } from '../match/terms.ts';
import { compileCaps } from '../users/caps.ts';
import { highestNanos } from '../value/bound.ts';
import { allowedHours, type Line } from './line.ts';
import { LineSheet } from './linesheet.ts';

/** A change with what the bid thread needs beside it: the slot the main thread gave to the line item. */
export type CatalogChange = { readonly change: CampaignChange; readonly slot: number } | { readonly deleted: string };

/**
 * All campaigns as one bid thread sees them, with the index over their targeting. One change updates only what it
 * touches. Creatives that no longer bid stay known: their clicks still have to land.
 */
export class Catalog {
  readonly index = new TermIndex(indexDimensions.length);
  /** The same line items, as the auction looks at them. */
  readonly sheet = new LineSheet();
  readonly #baseUrl: () => string;
  readonly #rates: ReadonlyMap<string, number>;
  readonly #advertisers = new Map<number, Advertiser>();
  readonly #campaigns = new Map<number, Campaign>();
  readonly #items = new Map<number, LineItem>();
  readonly #creatives = new Map<number, ReadyCreative>();
  readonly #slots = new Map<number, number>();
  readonly #switches = new Set<string>();
  readonly #campaignsOf = new Map<number, Set<number>>();
  readonly #itemsOf = new Map<number, Set<number>>();
  readonly #creativesOf = new Map<number, Set<number>>();
  readonly #lines: (Line | undefined)[] = [];
  #lineCount = 0;
  /** Line items whose advertiser or campaign has changed. */
  readonly #outdated = new Set<number>();

  /**
   * @param baseUrl what our links start with
   * @param rates worth of currencies in US dollars, in which line items compete; others count as worthless
   */
  constructor(baseUrl: () => string, rates: ReadonlyMap<string, number> = new Map([['USD', 1]])) {
    this.#baseUrl = baseUrl;
    this.#rates = rates;
  }

  /** The line item in a slot that the index returned. */
  line(slot: number): Line {
    return this.#lines[slot]!;
  }

  /** All line items that can bid. */
  lines(): readonly Line[] {
    return this.#lines.filter((line) => line !== undefined);
  }

  get lineCount(): number {
    return this.#lineCount;
  }

  /** Kill switches that are on. */
  get switchCount(): number {
    return this.#switches.size;
  }

  creative(id: number): ReadyCreative | undefined {
    return this.#creatives.get(id);
  }

  /** The account currency of an advertiser. */
  currencyOf(advertiserId: number): string | undefined {
    return this.#advertisers.get(advertiserId)?.currency;
  }

  /** Whether a kill switch stands for everything or for this exchange. */
  isStopped(exchange: string): boolean {
    return this.#switches.size > 0 && (this.#switches.has('all') || this.#switches.has(`exchange:${exchange}`));
  }

  /** Applies a change completely. */
  apply(update: CatalogChange): void {
    this.begin(update);
    while (this.isBehind) this.step();
  }

  /** Takes a change in; the line items it touches follow one by one with `step`. */
  begin(update: CatalogChange): void {
    if ('deleted' in update) {
      this.#delete(update.deleted);
      return;
    }
    const { change } = update;
    switch (change.kind) {
      case 'advertiser':
        this.#setAdvertiser(change.entity);
        break;
      case 'campaign':
        this.#setCampaign(change.entity);
        break;
      case 'line_item': {
        const before = this.#items.get(change.entity.id);
        if (before !== undefined) unlink(this.#itemsOf, before.campaignId, before.id);
        this.#items.set(change.entity.id, change.entity);
        this.#slots.set(change.entity.id, update.slot);
        link(this.#itemsOf, change.entity.campaignId, change.entity.id);
        this.#refresh(change.entity.id);
        break;
      }
      case 'creative': {
        const before = this.#creatives.get(change.entity.id)?.source;
        if (before !== undefined) unlink(this.#creativesOf, before.lineItemId, before.id);
        this.#creatives.set(change.entity.id, compileCreative(change.entity, this.#baseUrl()));
        link(this.#creativesOf, change.entity.lineItemId, change.entity.id);
        this.#refresh(change.entity.lineItemId);
        if (before !== undefined && before.lineItemId !== change.entity.lineItemId) this.#refresh(before.lineItemId);
        break;
      }
      case 'switch':
        this.#switch(change.entity.scope, change.entity.on);
    }
  }

  /** Whether line items have yet to follow a change. */
  get isBehind(): boolean {
    return this.#outdated.size > 0;
  }

  /** Brings one more line item in line with the changes. */
  step(): void {
    const next = this.#outdated.values().next();
    if (next.done === true) return;
    this.#outdated.delete(next.value);
    this.#refresh(next.value);
  }

  /** Makes searching fast once everything has been applied for the first time. */
  arrange(): void {
    this.index.arrange();
  }

  #setAdvertiser(entity: Advertiser): void {
    const before = this.#advertisers.get(entity.id);
    this.#advertisers.set(entity.id, entity);
    // A new balance or name is no reason to look at ten thousand line items.
    const same =
      before?.status === entity.status && before.currency === entity.currency && before.timeZone === entity.timeZone;
    if (!same) this.#refreshAdvertiser(entity.id);
  }

  #setCampaign(entity: Campaign): void {
    const before = this.#campaigns.get(entity.id);
    if (before !== undefined) unlink(this.#campaignsOf, before.advertiserId, before.id);
    this.#campaigns.set(entity.id, entity);
    link(this.#campaignsOf, entity.advertiserId, entity.id);
    const same =
      before?.status === entity.status &&
      before.advertiserId === entity.advertiserId &&
      before.flight.startMs === entity.flight.startMs &&
      before.flight.endMs === entity.flight.endMs;
    if (!same) this.#refreshCampaign(entity.id);
  }

  #switch(scope: string, on: boolean): void {
    if (on) this.#switches.add(scope);
    else this.#switches.delete(scope);
    const [kind, id] = scope.split(':');
    if (kind === 'advertiser') this.#refreshAdvertiser(Number(id));
    if (kind === 'campaign') this.#refreshCampaign(Number(id));
  }

  #delete(key: string): void {
    const [kind, text] = key.split(':');
    const id = Number(text);
    if (kind === 'switch') this.#switch(key.slice('switch:'.length), false);
    if (kind === 'advertiser' && this.#advertisers.delete(id)) this.#refreshAdvertiser(id);
    if (kind === 'campaign') {
      const campaign = this.#campaigns.get(id);
      if (campaign === undefined) return;
      this.#campaigns.delete(id);
      unlink(this.#campaignsOf, campaign.advertiserId, id);
      this.#refreshCampaign(id);
    }
    if (kind === 'line_item') {
      const item = this.#items.get(id);
      if (item === undefined) return;
      this.#items.delete(id);
      unlink(this.#itemsOf, item.campaignId, id);
      this.#refresh(id);
      this.#slots.delete(id);
    }
    if (kind === 'creative') {
      const creative = this.#creatives.get(id);
      if (creative === undefined) return;
      this.#creatives.delete(id);
      unlink(this.#creativesOf, creative.source.lineItemId, id);
      this.#refresh(creative.source.lineItemId);
    }
  }

  #refreshAdvertiser(id: number): void {
    for (const campaign of this.#campaignsOf.get(id) ?? []) this.#refreshCampaign(campaign);
  }

  #refreshCampaign(id: number): void {
    for (const item of this.#itemsOf.get(id) ?? []) this.#outdated.add(item);
  }

  /** Brings one line item's place in the index in line with everything it depends on. */
  #refresh(itemId: number): void {
    const slot = this.#slots.get(itemId);
    if (slot === undefined || slot < 0) return;
    const line = this.#build(itemId, slot);
    if (this.#lines[slot] !== undefined) this.#lineCount--;
    if (line === null) {
      this.#lines[slot] = undefined;
      this.index.remove(slot);
      return;
    }
    this.#lines[slot] = line;
    this.#lineCount++;
    const rate = this.#rates.get(line.advertiser.currency) ?? 0;
    this.sheet.set(line, rate);
    this.index.set(slot, line.terms, highestNanos(line.item.goal) * rate);
  }

  #build(itemId: number, slot: number): Line | null {
    const item = this.#items.get(itemId);
    const campaign = item && this.#campaigns.get(item.campaignId);
    const advertiser = campaign && this.#advertisers.get(campaign.advertiserId);
    if (item === undefined || campaign === undefined || advertiser === undefined) return null;
    if (item.status !== 'active' || campaign.status !== 'active' || advertiser.status !== 'active') return null;
    if (this.#switches.has(`campaign:${campaign.id}`) || this.#switches.has(`advertiser:${advertiser.id}`)) return null;
    const creatives = [...(this.#creativesOf.get(itemId) ?? [])]
      .sort((a, b) => a - b)
      .flatMap((id) => this.#creatives.get(id) ?? [])
      .filter((creative) => creative.source.status === 'active');
    if (creatives.length === 0) return null;
    const terms = targetingTerms(item.targeting, fillTerms(creatives), cellsOf(item.targeting.within));
    return {
      slot,
      lineItemId: item.id,
      campaignId: campaign.id,
      advertiserId: advertiser.id,
      item,
      campaign,
      advertiser,
      startMs: Math.max(item.flight.startMs, campaign.flight.startMs),
      endMs: Math.min(item.flight.endMs ?? Infinity, campaign.flight.endMs ?? Infinity),
      creatives,
      terms,
      hours: allowedHours(item),
      circles: compileCircles(item.targeting.within),
      deals: terms[DIM.deal]!.include,
      caps: compileCaps(item),
      offer: { goal: item.goal, exploration: item.exploration, lineItemId: item.id },
    };
  }
}

/** What creatives can fill, as terms: `banner`, `banner:300x250`, `video`, … */
function fillTerms(creatives: readonly ReadyCreative[]): string[] {
  const terms = new Set<string>();
  for (const creative of creatives) {
    terms.add(creative.format);
    if (creative.format === 'banner') terms.add(`banner:${creative.w}x${creative.h}`);
  }
  return [...terms];
}

function link(links: Map<number, Set<number>>, from: number, to: number): void {
  const set = links.get(from);
  if (set === undefined) links.set(from, new Set([to]));
  else set.add(to);
}

function unlink(links: Map<number, Set<number>>, from: number, to: number): void {
  const set = links.get(from);
  if (set?.delete(to) === true && set.size === 0) links.delete(from);
}
