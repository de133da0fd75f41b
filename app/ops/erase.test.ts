import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { eventId, loggedEventSchema } from '../../core/event.ts';
import { readToken, signToken } from '../../core/token.ts';
import { bidStatsSchema } from '../../core/topics.ts';
import { erasedToken as token } from './erase.case.ts';
import { hashesOf, withoutDrawn, withoutUser } from './erase.ts';

const keys = [
  { id: 2, secret: Buffer.alloc(32, 2) },
  { id: 1, secret: Buffer.alloc(32, 1) },
];
const event = (parts: object) =>
  Buffer.from(
    JSON.stringify(
      loggedEventSchema.parse({
        v: 1,
        type: 'bill',
        token: signToken(token, keys[1]!),
        atMs: 1_790_000_001_000,
        ip: '203.0.113.7',
        ua: 'Firefox',
        ...parts,
      }),
    ),
  );

describe('erasing a user', () => {
  it('leaves an event its identity, price and dimensions, and takes the person out', () => {
    const before = event({ priceNanos: 900 });
    const after = withoutUser(before, new Set([token.user]), keys)!;
    const read = loggedEventSchema.parse(JSON.parse(after.toString()));
    expect(readToken(read.token, keys)).toEqual({ ...token, user: '' });
    expect(eventId(read, token.bidId)).toBe(
      eventId(loggedEventSchema.parse(JSON.parse(before.toString())), token.bidId),
    );
    expect([read.ip, read.ua, read.priceNanos]).toEqual(['', '', 900]);
    expect(after.toString()).not.toContain('203.0.113.7');
  });

  it('takes the user out of conversions without a click', () => {
    const conversion = { advertiserId: 1, user: token.user, orderId: 'o', valueMicros: 1, currency: 'USD' };
    const after = withoutUser(event({ type: 'conversion', token: '', conversion }), new Set([token.user]), keys)!;
    expect(JSON.parse(after.toString()).conversion).toEqual({ ...conversion, user: '' });
  });

  it('leaves what is of others, forged or no event', () => {
    expect(withoutUser(event({}), new Set(['ffffffffffffffff']), keys)).toBeNull();
    expect(withoutUser(event({}), new Set([token.user]), [{ id: 1, secret: Buffer.alloc(32, 9) }])).toBeNull();
    for (const value of [null, Buffer.from('no'), Buffer.from('{}')])
      expect(withoutUser(value, new Set([token.user]), keys)).toBeNull();
  });

  it('takes drawn requests of the user out of bid statistics, and leaves their counts and everybody else', () => {
    const mine = { hash: 0xaabbccdd, known: true, terms: { country: ['DEU'] } };
    const others = [
      { ...mine, known: false },
      { ...mine, hash: 0xaabbccde },
    ];
    const stats = bidStatsSchema.parse({
      v: 1,
      node: 'node-one',
      sequence: 3,
      fromMs: 1,
      toMs: 2,
      requests: 3,
      answered: 1,
      noBids: {},
      lineItems: [],
      cells: [],
      traffic: { level: 0, requests: [mine, ...others] },
    });
    const value = Buffer.from(JSON.stringify(stats));
    const after = withoutDrawn(value, new Set([token.user]))!;
    expect(JSON.parse(after.toString())).toEqual({ ...stats, traffic: { level: 0, requests: others } });
    expect(withoutDrawn(after, new Set([token.user]))).toBeNull();
    expect(withoutDrawn(value, new Set(['00112233aabbccd0']))).toBeNull();
    for (const other of [null, Buffer.from('no'), Buffer.from('{}')])
      expect(withoutDrawn(other, new Set([token.user]))).toBeNull();
  });

  it('looks for an id as it is and as each exchange’s own', () => {
    const salt = 'a salt of sixteen bytes or more';
    expect(hashesOf(['Someone', ' someone '], ['demo', 'other'], [salt])).toHaveLength(3);
    expect(hashesOf(['Someone'], ['demo'], [salt, 'the salt that was before it']), 'under every salt').toHaveLength(4);
    expect(hashesOf(['00000000-0000'], [], [salt])).toEqual([]);
    const digest = createHash('sha256').update('someone').digest('hex');
    expect(hashesOf([digest], [], [salt])).toContain(hashesOf(['SOMEONE'], [], [salt])[0]);
  });
});
