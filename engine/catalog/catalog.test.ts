import { describe, expect, it } from 'vitest';
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
});
