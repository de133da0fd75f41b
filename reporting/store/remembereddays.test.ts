import { describe, expect, it } from 'vitest';
import type { Sql } from './client.ts';
import { rememberedDays } from './remembereddays.ts';

const schema = { database: 'evenkeel', cluster: null, deduplicationWindow: 0 } as const;

/** A store with one day that counts; tells how often that was asked. */
function engineOf(): { readonly sql: Sql; asked: number; fails: boolean } {
  const engine = {
    asked: 0,
    fails: false,
    sql: {
      async rows(query: string) {
        if (!query.includes('rollup_days')) return [];
        engine.asked += 1;
        if (engine.fails) throw new Error('away');
        return [['2026-10-24', String(engine.asked), 0, 1]];
      },
      run: async () => undefined,
      insert: async () => {
        if (engine.fails) throw new Error('away');
      },
    } as unknown as Sql,
  };
  return engine;
}

describe('days that count, where nobody else writes', () => {
  const eventsOf = (sql: Sql, day: string) =>
    sql.insert('evenkeel.events', ['partition', 'block_day'], [[0, day]], 't');
  const marks = (sql: Sql) => sql.insert('evenkeel.rollup_days', ['block_day'], [['2026-10-25']], 't');

  it.each([
    ['counters', (sql: Sql) => sql.insert('evenkeel.bid_stats', ['block_day'], [['2026-10-24']], 't'), 1],
    ['events of a day that is not summed up', (sql: Sql) => eventsOf(sql, '2026-10-26'), 1],
    ['events of one that is', (sql: Sql) => eventsOf(sql, '2026-10-24'), 2],
    ['sums of a day', marks, 2],
    ['any other statement', (sql: Sql) => sql.run('ALTER TABLE'), 2],
  ])('are asked for again after an insert of %s, or not', async (_, write, asked) => {
    const engine = engineOf();
    const days = rememberedDays(engine.sql, schema, true);
    await Promise.all([days.read(), days.read()]);
    await write(days.sql);
    expect((await days.read()).map(({ build }) => build)).toEqual([String(asked)]);
  });

  it('are asked for again when it is not known whether they changed, and when asking failed', async () => {
    const engine = engineOf();
    const days = rememberedDays(engine.sql, schema, true);
    await days.read();
    engine.fails = true;
    await expect(marks(days.sql)).rejects.toThrow('away');
    await expect(days.read()).rejects.toThrow('away');
    engine.fails = false;
    await days.read();
    expect(engine.asked).toBe(3);
  });

  it('are asked for each time where others write', async () => {
    const engine = engineOf();
    const days = rememberedDays(engine.sql, schema, false);
    await days.read();
    await days.read();
    expect(engine.asked).toBe(2);
  });
});
