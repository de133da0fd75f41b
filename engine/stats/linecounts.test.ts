import { describe, expect, it } from 'vitest';
import { noBidReasonList } from '../../core/reasons.ts';
import type { Line } from '../catalog/line.ts';
import { LineTable, lineRows, SlotCounts } from './linecounts.ts';

const line = (slot: number, id: number) => ({ slot, lineItemId: id, campaignId: id * 10 }) as unknown as Line;
const reasons = (counts: Readonly<Record<number, number>>) =>
  Int32Array.from(noBidReasonList, (_, reason) => counts[reason] ?? 0);

describe('counts of line items', () => {
  it('are kept per line item, also when a slot changes hands, and begin anew when they are taken', () => {
    const counts = new SlotCounts();
    for (let i = 0; i < 600; i++) counts.table.matched(counts.rowOf(line(5000 - i, i + 1)), i);
    counts.table.bid(counts.rowOf(line(5000, 1)), 70, 90);
    counts.table.refused(counts.rowOf(line(5000, 1)), 3, 64);
    counts.table.matched(counts.rowOf(line(5000, 9999)), 2);
    const rows = lineRows(counts.take());
    expect(rows).toHaveLength(601);
    const [first] = rows;
    expect(first).toEqual({
      lineItemId: 1,
      campaignId: 10,
      matched: 0,
      bids: 1,
      bidNanos: 70,
      valueNanos: 90,
      reasons: reasons({ 3: 64 }),
    });
    expect(rows[599]).toMatchObject({ lineItemId: 600, matched: 599, bids: 0 });
    expect(rows[600]).toMatchObject({ lineItemId: 9999, matched: 2 });
    expect(lineRows(counts.take())).toEqual([]);
    counts.table.matched(counts.rowOf(line(5000, 1)), 1);
    expect(lineRows(counts.take())).toMatchObject([{ lineItemId: 1, matched: 1, bidNanos: 0 }]);
  });

  it('of two threads add up', () => {
    const sum = new LineTable();
    const one = new SlotCounts();
    one.table.bid(one.rowOf(line(0, 7)), 5, 6);
    const taken = one.take();
    const row = sum.open(7, 70);
    sum.add(row, taken, 0);
    sum.add(row, taken, 0);
    expect(lineRows(sum.take())).toMatchObject([{ lineItemId: 7, bids: 2, bidNanos: 10, valueNanos: 12 }]);
  });
});
