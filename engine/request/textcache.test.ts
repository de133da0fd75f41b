import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestScan } from './scan.ts';
import { shapes } from './shapes.ts';
import { TextCache } from './textcache.ts';

const text = fc.oneof(fc.string({ maxLength: 60 }), fc.constantFrom('USA', 'usa ', 'DEU', 'IAB1-2', 'IAB1-2345'));
const loud = (given: string) => `<${given.trim().toUpperCase()}>`;

/** What a cache says of the texts, sent as a block list. */
function ask<Value>(scan: RequestScan, texts: readonly string[], cache: TextCache<Value>): Value[] {
  const body = Buffer.from(JSON.stringify({ bcat: texts }));
  expect(scan.scan(body, body.length)).toBeNull();
  const found: Value[] = [];
  for (let item = scan.first(scan.root, shapes.REQUEST.f.bcat); item !== 0; item = scan.next(item)) {
    found.push(scan.itemCached(item, cache));
  }
  return found;
}

describe('the text cache', () => {
  it('always gives what the text stands for, also when two scanners ask in turns', () => {
    const cache = new TextCache(loud);
    const [one, other] = [new RequestScan(), new RequestScan()];
    fc.assert(
      fc.property(fc.array(text, { maxLength: 80 }), (texts) => {
        for (const scan of [one, one, other]) expect(ask(scan, texts, cache)).toEqual(texts.map(loud));
      }),
    );
  });

  it('gives no text what another stands for that had its place before', () => {
    const scan = new RequestScan();
    const [cache, second] = [new TextCache(loud), new TextCache((given) => `${given}!`)];
    // Several times as many as there are places.
    for (let from = 0; from < 20_000; from += 1000) {
      const texts = Array.from({ length: 1000 }, (_, i) => `site-${from + i}.example`);
      const again = texts.concat(texts.map((_, i) => `site-${i}.example`));
      expect(ask(scan, again, cache)).toEqual(again.map(loud));
      expect(ask(scan, texts, second)).toEqual(texts.map((given) => `${given}!`));
    }
  });

  it('gives a request that is kept what its own texts stand for, however many follow it', () => {
    const scan = new RequestScan();
    const cache = new TextCache(loud);
    const { bcat } = shapes.REQUEST.f;
    const told = (root: number): string[] => {
      const found: string[] = [];
      for (let item = scan.first(root, bcat); item !== 0; item = scan.next(item)) {
        found.push(scan.itemCached(item, cache));
      }
      return found;
    };
    for (let round = 0; round < 4; round++) {
      scan.forget();
      const kept: { readonly root: number; readonly texts: readonly string[] }[] = [];
      // More texts at once than there are places.
      for (let from = 0; from < 10_000; from += 1000) {
        const texts = Array.from({ length: 1000 }, (_, i) => `site-${round * 7000 + from + i}.example`);
        const body = Buffer.from(JSON.stringify({ bcat: texts }));
        expect(scan.add(body, body.length)).toBeNull();
        kept.push({ root: scan.root, texts });
        expect(told(kept[0]!.root)).toEqual(kept[0]!.texts.map(loud));
      }
      for (const { root, texts } of kept) expect(told(root)).toEqual(texts.map(loud));
    }
  });

  it('takes a list apart at its commas', () => {
    const scan = new RequestScan();
    const cache = new TextCache(loud);
    const most = 5;
    const { site } = shapes.REQUEST.f;
    const { keywords } = shapes.SITE.f;
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), (words) => {
        const list = words.join(',');
        const body = Buffer.from(JSON.stringify({ site: { keywords: list } }));
        expect(scan.scan(body, body.length)).toBeNull();
        const found: string[] = [];
        const into = { add: (word: string) => found.push(word) };
        scan.addPieces(scan.object(scan.root, site), keywords, most, cache, into);
        expect(found).toEqual(list.split(',', most).map(loud));
        scan.addPieces(-1, keywords, most, cache, into);
        expect(found.length).toBeLessThanOrEqual(most);
      }),
    );
  });

  it('makes a text that comes again only once, and a long one, or one it is not to remember, each time', () => {
    let made = 0;
    const count = (given: string) => {
      made++;
      return given;
    };
    const scan = new RequestScan();
    const cases: readonly (readonly [number, string, boolean])[] = [
      [1, 'site-1.example', true],
      [10, 'x'.repeat(49), true],
      [10, 'site-1.example', false],
    ];
    for (const [times, given, remembers] of cases) {
      const cache = new TextCache(count, remembers);
      made = 0;
      expect(
        ask(
          scan,
          Array.from({ length: 10 }, () => given),
          cache,
        ),
      ).toEqual(Array.from({ length: 10 }, () => given));
      expect(made).toBe(times);
    }
  });
});
