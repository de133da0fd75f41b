import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bidSchema } from '../core/openrtb.ts';
import { noBidReasonList, noBidReasons } from '../core/reasons.ts';
import { defaultProfile } from './config.ts';
import { exchangeProfileSchema, readExchangeProfiles } from './profiles.ts';
import { type Shape, shapes } from './request/shapes.ts';

const text = readFileSync(new URL('../docs/exchange.md', import.meta.url), 'utf8');

/** Cells of the rows of a marked table. */
function table(mark: string): string[][] {
  const found = new RegExp(`<!-- ${mark} -->\\n([\\s\\S]*?)<!-- /${mark} -->`).exec(text);
  const lines = found![1]!.trim().split('\n').slice(2);
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
const names = (cell: string) =>
  cell
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
const unquoted = (cell: string) => cell.replaceAll('`', '');

describe('docs/exchange.md', () => {
  it('lists every field the scanner keeps, and no other', () => {
    const documented = table('fields').map(([object, used, read]) => [
      unquoted(object!),
      [...names(used!), ...names(read!)].sort(),
    ]);
    const all: Shape[] = [];
    const visit = (shape: Shape): void => {
      if (all.includes(shape)) return;
      all.push(shape);
      for (const child of shape.children) if (child !== null) visit(child);
    };
    visit(shapes.REQUEST);
    const kept = all.map((shape) => [shape.name, [...shape.names].sort()] as const);
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(kept));
  });

  it('lists the fields of a bid', () => {
    expect(table('bid').map(([field]) => unquoted(field!))).toEqual(
      expect.arrayContaining(Object.keys(bidSchema.shape)),
    );
    expect(table('bid').length).toBe(Object.keys(bidSchema.shape).length);
  });

  it('lists the fields of a profile with their defaults', () => {
    const documented = table('profile').map(([field, value]) => [unquoted(field!), JSON.parse(unquoted(value!))]);
    expect(Object.fromEntries(documented)).toEqual(exchangeProfileSchema.parse({}));
  });

  it('lists every no-bid reason', () => {
    expect(table('reasons').map(([reason, nbr]) => [unquoted(reason!), Number(nbr)])).toEqual(
      noBidReasonList.map((reason) => [reason, noBidReasons[reason].nbr]),
    );
  });
});

describe('exchange profiles of a configuration', () => {
  it('have the defaults of the demo', () => {
    expect(readExchangeProfiles({})).toEqual([defaultProfile]);
    expect(readExchangeProfiles({ demo: {} })).toEqual([defaultProfile]);
    expect(readExchangeProfiles({ other: { qpsLimit: 7 } }).map(({ name, qpsLimit }) => [name, qpsLimit])).toEqual([
      ['demo', 0],
      ['other', 7],
    ]);
  });

  it.each([
    { 'no/slash': {} },
    { x: { billingEvents: 'win' } },
    { x: { qpsLimit: '5' } },
    { x: { price: { scheme: 'google', encryptionKey: 'short', integrityKey: 'short' } } },
    { x: { media: [] } },
  ])('are refused when they are wrong: %j', (configured) => {
    expect(() => readExchangeProfiles(configured)).toThrow(/can not be used/);
  });
});
