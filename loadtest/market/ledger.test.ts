import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NoticeEnd } from './ledger.ts';
import { createLedger, mergeTruth, noticeKinds, readLedger } from './ledger.ts';

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'ledger-')), 'truth.jsonl');
});
afterEach(() => rmSync(join(path, '..'), { recursive: true, force: true }));

const ends: readonly (NoticeEnd | null)[] = ['acknowledged', 'refused', 'given_up', null];
const step = fc.record({
  kind: fc.constantFrom(...noticeKinds),
  campaign: fc.constantFrom('1', '2', '3'),
  price: fc.integer({ min: 0, max: 1_000_000_000_000 }),
  billing: fc.boolean(),
  bot: fc.boolean(),
  end: fc.constantFrom(...ends),
  bids: fc.integer({ min: 0, max: 3 }),
});

describe('the ledger of truth', () => {
  it('says the same from its file as from memory, and adds up', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        writeFileSync(path, '');
        const ledger = createLedger(path);
        let spend = 0n;
        let uncertain = 0n;
        for (const { kind, campaign, price, billing, bot, end, bids } of steps) {
          for (let i = 0; i < bids; i++) ledger.bid(campaign);
          const number = ledger.write({ kind, campaign, creative: 'c', bidId: 'b', priceNanos: price, billing, bot });
          if (end !== null) ledger.end(number, end);
          if (!billing || bot) continue;
          if (end === 'acknowledged') spend += BigInt(price);
          if (end === 'given_up' || end === null) uncertain += BigInt(price);
        }
        const truth = ledger.truth;
        ledger.close();
        expect(readLedger([path])).toEqual(truth);
        const sums = [...truth.values()];
        expect(sums.reduce((sum, part) => sum + part.spendNanos, 0n)).toBe(spend);
        expect(sums.reduce((sum, part) => sum + part.uncertainSpendNanos, 0n)).toBe(uncertain);
        const counted = sums.flatMap((part) => Object.values(part.counts));
        const total = counted.reduce((sum, one) => sum + one.acknowledged + one.refused + one.uncertain + one.bot, 0);
        expect(total).toBe(steps.length);
        expect(sums.reduce((sum, part) => sum + part.bids, 0)).toBe(steps.reduce((sum, one) => sum + one.bids, 0));
      }),
      { numRuns: 60 },
    );
  });

  it('has a notice in the file once flushed, and survives a line cut by a kill', () => {
    const ledger = createLedger(path);
    const notice = {
      kind: 'bill',
      campaign: '1',
      creative: 'c',
      bidId: 'b',
      priceNanos: 5,
      billing: true,
      bot: false,
    } as const;
    ledger.write(notice);
    expect(readFileSync(path, 'utf8')).toBe('');
    ledger.flush();
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(2);
    appendFileSync(path, '{"t":"bill","s":2,"c":"1","r":"c","b":"b2","p":9');
    const truth = readLedger([path, join(path, 'absent')]);
    expect(truth.get('1')).toMatchObject({ spendNanos: 0n, uncertainSpendNanos: 5n });
    mergeTruth(truth, readLedger([path]));
    expect(truth.get('1')!.counts.bill.uncertain).toBe(2);
  });
});
