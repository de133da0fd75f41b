import { describe, expect, it } from 'vitest';
import { createInventory } from '../bench/inventory.ts';
import { termList } from '../match/termlist.ts';
import { indexDimensions } from '../match/terms.ts';
import { bannerCreative, change, smallInventory } from '../testing/inventory.case.ts';
import { Catalog, type CatalogChange } from './catalog.ts';

function catalogWith(changes: readonly CatalogChange[]): Catalog {
  const catalog = new Catalog(() => 'https://bid.example');
  for (const update of changes) catalog.apply(update);
  return catalog;
}
const inSlot = (slot: number) => (entry: ReturnType<typeof smallInventory>[number]) => ({ change: entry, slot });
const idsOf = (catalog: Catalog) => catalog.lines().map(({ item }) => item.id);

describe('the catalog', () => {
  it('knows a line item once everything above and below it is there, in whatever order it comes', () => {
    const changes = smallInventory().map(inSlot(3));
    for (const order of [changes, [...changes].reverse()]) {
      expect(idsOf(catalogWith(order))).toEqual([100]);
      for (let missing = 0; missing < order.length; missing++) {
        expect(idsOf(catalogWith(order.filter((_, i) => i !== missing)))).toEqual([]);
      }
    }
  });

  it('follows status, switches and deletions at every level, and comes back', () => {
    const catalog = catalogWith(smallInventory().map(inSlot(0)));
    const goal = { type: 'cpm', bidCpmMicros: 1 } as const;
    const off: readonly (readonly [CatalogChange, CatalogChange])[] = [
      [change.advertiser({ id: 1, status: 'paused' }), change.advertiser({ id: 1 })],
      [change.campaign({ id: 10, advertiserId: 1, status: 'paused' }), change.campaign({ id: 10, advertiserId: 1 })],
      [
        change.lineItem({ id: 100, campaignId: 10, goal, status: 'draft' }),
        change.lineItem({ id: 100, campaignId: 10, goal }),
      ],
      [change.stop('campaign:10'), change.stop('campaign:10', false)],
      [change.stop('advertiser:1'), change.stop('advertiser:1', false)],
    ].map(([a, b]) => [inSlot(0)(a!), inSlot(0)(b!)] as const);
    for (const [away, back] of [
      ...off,
      [{ deleted: 'campaign:10' }, inSlot(0)(change.campaign({ id: 10, advertiserId: 1 }))] as const,
      [{ deleted: 'creative:1000' }, inSlot(0)(bannerCreative(1000, 100, 300, 250))] as const,
    ]) {
      catalog.apply(away);
      expect(idsOf(catalog)).toEqual([]);
      expect(catalog.lineCount).toBe(0);
      catalog.apply(back);
      expect(idsOf(catalog)).toEqual([100]);
    }
  });

  it('keeps creatives that no longer bid: their clicks still have to land', () => {
    const catalog = catalogWith(smallInventory().map(inSlot(0)));
    const archived = bannerCreative(1000, 100, 300, 250);
    if (archived.kind === 'creative') archived.entity.status = 'archived';
    catalog.apply(inSlot(0)(archived));
    expect(idsOf(catalog)).toEqual([]);
    expect(catalog.creative(1000)?.source.landingUrl).toBe('https://shop.example/landing?c=1000');
  });

  it('does not look at line items when only a balance or a name changes, and takes others step by step', () => {
    const many = Array.from({ length: 500 }, (_, i) => i);
    const catalog = catalogWith([
      ...smallInventory().slice(0, 2).map(inSlot(-1)),
      ...many.map((i) =>
        inSlot(i)(change.lineItem({ id: 1000 + i, campaignId: 10, goal: { type: 'cpm', bidCpmMicros: 1 } })),
      ),
      ...many.map((i) => inSlot(-1)(bannerCreative(5000 + i, 1000 + i, 300, 250))),
    ]);
    expect(catalog.lineCount).toBe(500);
    catalog.begin(
      inSlot(-1)(change.advertiser({ id: 1, name: 'New', budget: { dailyMicros: 5, lifetimeMicros: null } })),
    );
    expect(catalog.isBehind).toBe(false);
    catalog.begin(inSlot(-1)(change.advertiser({ id: 1, status: 'paused' })));
    expect([catalog.isBehind, catalog.lineCount]).toEqual([true, 500]);
    catalog.step();
    expect(catalog.lineCount).toBe(499);
    while (catalog.isBehind) catalog.step();
    expect(catalog.lineCount).toBe(0);
  });

  it('takes a change of one of 10,000 line items, and the next search, in less than 5 ms', () => {
    const { changes, lineItems } = createInventory({ seed: 5, lineItems: 10_000 });
    const slots = new Map(lineItems.map(({ id }, slot) => [id, slot]));
    const updateOf = (entry: (typeof changes)[number]): CatalogChange => ({
      change: entry,
      slot: entry.kind === 'line_item' ? slots.get(entry.entity.id)! : -1,
    });
    const catalog = catalogWith(changes.map(updateOf));
    catalog.arrange();
    const nothing = indexDimensions.map(() => termList([]));
    const tookMs = Array.from({ length: 200 }, (_, i) => {
      const before = lineItems[i * 50]!;
      // A new bid moves it to another place of the search; targeting of its neighbour moves it in every list.
      const goal = { type: 'cpm' as const, bidCpmMicros: 1_000_000 + i * 50_000 };
      const entity = { ...before, goal, targeting: lineItems[i * 50 + 1]!.targeting };
      const startMs = performance.now();
      catalog.apply(updateOf({ kind: 'line_item', entity }));
      catalog.index.search(nothing);
      return performance.now() - startMs;
    }).sort((a, b) => a - b);
    console.log(
      `one change of 10,000: median ${tookMs[100]!.toFixed(2)} ms, slowest but two ${tookMs[197]!.toFixed(2)} ms`,
    );
    // What else runs on the machine shows in the slowest, not in the middle.
    expect(tookMs[100]).toBeLessThan(5);
  });
});
