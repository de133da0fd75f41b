import { describe, expect, it } from 'vitest';
import type { CatalogChange } from '../catalog/catalog.ts';
import { createChangeSender } from './changesender.ts';

const changes = (count: number): CatalogChange[] =>
  Array.from({ length: count }, (_, i) => ({ deleted: `campaign:${i}` }));

describe('changes on their way to a bid thread', () => {
  it('come in order, few at a time while it serves, and are settled when the last is applied', async () => {
    let serving = false;
    const sent: CatalogChange[][] = [];
    const sender = createChangeSender(
      (updates) => sent.push([...updates]),
      () => serving,
    );
    await sender.settled();
    sender.add(changes(1200));
    expect(sent.flat()).toHaveLength(1200);
    sender.applied(1200);
    serving = true;
    sent.length = 0;
    const all = changes(100);
    sender.add(all);
    let settled = false;
    const done = sender.settled().then(() => {
      settled = true;
    });
    let applied = 0;
    while (applied < all.length) {
      const waiting = sent.flat().length - applied;
      expect(waiting).toBeGreaterThan(0);
      expect(waiting).toBeLessThanOrEqual(16);
      expect(settled).toBe(false);
      const next = Math.min(5, waiting);
      applied += next;
      sender.applied(next);
      await Promise.resolve();
    }
    await done;
    expect(sent.flat()).toEqual(all);
  });
});
