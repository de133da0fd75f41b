import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createPeople } from './people.ts';

const anna = { userId: 'anna', ip: '203.0.113.9', userAgent: 'Firefox' };

it('lets a person click again after a while, by whatever a bidder knows the person', () => {
  const { mayClick } = createPeople(15_000);
  expect(mayClick(anna, 1000)).toBe(true);
  expect(mayClick(anna, 2000)).toBe(false);
  expect(mayClick({ ...anna, ip: '198.51.100.1', userAgent: 'Chrome' }, 3000), 'the same id elsewhere').toBe(false);
  expect(mayClick({ ...anna, userId: '', ip: '203.0.113.200' }, 4000), 'nobody, in the same network').toBe(false);
  expect(mayClick({ ...anna, userId: 'ben', userAgent: 'Chrome' }, 5000), 'another browser').toBe(true);
  expect(mayClick({ ...anna, userId: 'carl', ip: '2001:db8::1' }, 6000)).toBe(true);
  expect(mayClick(anna, 16_000)).toBe(true);
});

it('never lets anybody click six times in a minute', () => {
  const click = fc.record({
    user: fc.integer({ min: 0, max: 2 }),
    net: fc.integer({ min: 0, max: 1 }),
    gap: fc.nat(9000),
  });
  fc.assert(
    fc.property(fc.array(click, { maxLength: 200 }), (clicks) => {
      const { mayClick } = createPeople(15_000);
      const seen = new Map<string, number[]>();
      let atMs = 0;
      for (const { user, net, gap } of clicks) {
        atMs += gap;
        const userId = user === 0 ? '' : `u${user}`;
        if (!mayClick({ userId, ip: `10.0.${net}.1`, userAgent: 'x' }, atMs)) continue;
        for (const who of [userId || `10.0.${net}`]) seen.set(who, [...(seen.get(who) ?? []), atMs]);
      }
      for (const times of seen.values()) {
        for (let i = 5; i < times.length; i++) expect(times[i]! - times[i - 5]!).toBeGreaterThan(60_000);
      }
    }),
  );
});
