import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BidToken, billingEvents, nodeOfBidId, readToken, signToken } from './token.ts';

const key = { id: 7, secret: Buffer.from('0123456789abcdef0123456789abcdef') };
const hex = (digits: number) =>
  fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: digits, maxLength: digits })
    .map((d) => d.map((n) => n.toString(16)).join(''));
const shortText = fc
  .string({ maxLength: 20 })
  .filter((text) => Buffer.byteLength(text) <= 64 && Buffer.from(text).toString() === text);
const entity = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const tokens: fc.Arbitrary<BidToken> = fc.record({
  bidId: hex(24),
  bidAtMs: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  capNanos: fc.integer({ min: 0, max: 1_000_000_000_000 }),
  advertiserId: entity,
  campaignId: entity,
  lineItemId: entity,
  creativeId: entity,
  billingEvent: fc.constantFrom(...billingEvents),
  test: fc.boolean(),
  user: fc.oneof(fc.constant(''), hex(16)),
  exchange: shortText,
  dealId: shortText,
  domain: shortText,
  country: shortText,
  region: shortText,
  os: shortText,
  deviceType: fc.integer({ min: 0, max: 255 }),
  mtype: fc.integer({ min: 0, max: 4 }),
  w: fc.integer({ min: 0, max: 65535 }),
  h: fc.integer({ min: 0, max: 65535 }),
});

describe('token', () => {
  it('reads back what was signed', () => {
    fc.assert(
      fc.property(tokens, (token) => {
        expect(readToken(signToken(token, key), [key])).toEqual(token);
      }),
    );
  });

  it('never believes a changed token', () => {
    fc.assert(
      fc.property(tokens, fc.nat(), fc.integer({ min: 1, max: 255 }), (token, position, change) => {
        const bytes = Buffer.from(signToken(token, key), 'base64url');
        const at = position % bytes.length;
        bytes[at] = bytes[at]! ^ change;
        expect(typeof readToken(bytes.toString('base64url'), [key])).toBe('string');
      }),
    );
  });

  it('never throws and never believes arbitrary text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 1200 }), (text) => {
        expect(typeof readToken(text, [key])).toBe('string');
      }),
    );
  });

  it('accepts any active key and refuses a retired one', () => {
    const [token] = fc.sample(tokens, 1) as [BidToken];
    const next = { id: 8, secret: Buffer.from('another secret of decent length!') };
    expect(readToken(signToken(token, key), [next, key])).toEqual(token);
    expect(readToken(signToken(token, key), [next])).toBe('forged');
  });

  it('cuts long text without breaking characters', () => {
    const [token] = fc.sample(tokens, 1) as [BidToken];
    const read = readToken(signToken({ ...token, domain: 'ü'.repeat(100) }, key), [key]) as BidToken;
    expect(read.domain).toBe('ü'.repeat(32));
  });

  it('tells the node that made the bid', () => {
    expect(nodeOfBidId('00000102aaaaaaaabbbbbbbb')).toBe(258);
  });
});
