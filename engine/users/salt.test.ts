import { describe, expect, it } from 'vitest';
import { saltsAt, saltsSince } from './salt.ts';

const DAY_MS = 86_400_000;
const START = 20_000 * DAY_MS;
const periods = { secret: 'a secret of many characters', periodMs: 30 * DAY_MS };

describe('the salt of user hashes', () => {
  it('turns at the same time wherever the secret is, and is the one before for a period more', () => {
    const turns = Array.from({ length: 365 }, (_, day) => saltsAt(periods, START + day * DAY_MS));
    const salts = [...new Set(turns.map(({ current }) => current))];
    expect(salts.length).toBeGreaterThanOrEqual(12);
    expect(salts.length).toBeLessThanOrEqual(14);
    for (const { current, before } of turns.slice(31))
      expect(salts.indexOf(before ?? '')).toBe(salts.indexOf(current) - 1);
    expect(saltsAt({ ...periods, secret: 'another secret of many characters' }, START).current).not.toBe(salts[0]);
    for (const salt of salts) expect(salt).not.toContain(periods.secret);
  });

  it('is known for every time since, for an erasure', () => {
    const now = START + 365 * DAY_MS;
    const all = saltsSince(periods, START, now);
    for (let day = 0; day <= 365; day++) expect(all).toContain(saltsAt(periods, START + day * DAY_MS).current);
    expect(new Set(all).size).toBe(all.length);
    expect(saltsSince({ ...periods, periodMs: 1000 }, 0, now).length, 'bounded').toBe(100);
  });

  it('is the secret itself where it does not turn', () => {
    const still = { ...periods, periodMs: 0 };
    expect(saltsAt(still, START)).toEqual({ current: periods.secret, before: null });
    expect(saltsSince(still, 0, START)).toEqual([periods.secret]);
  });
});
