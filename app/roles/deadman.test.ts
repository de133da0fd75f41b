import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../core/clock.ts';
import { watchReporting } from './deadman.ts';

const START = 1_790_000_000_000;

function setup(timeoutMs: number) {
  const clock = manualClock(START);
  const store = { newest: START as number | null, down: false, hangs: false };
  const watch = watchReporting(timeoutMs, {
    newestMs: async () => {
      if (store.down) throw new Error('down');
      if (store.hangs) await new Promise(() => {});
      return store.newest;
    },
    clock,
    logger: pino({ level: 'silent' }),
  });
  return { clock, store, watch };
}

describe('the dead-man’s switch of reporting', () => {
  it('stops credit when the store answers and gets nothing new, and goes on when it does', async () => {
    const { clock, store, watch } = setup(60_000);
    clock.advance(60_000);
    await watch.look();
    expect(watch.mayLease()).toBe(true);
    clock.advance(1);
    await watch.look();
    expect([watch.mayLease(), watch.ageMs()]).toEqual([false, 60_001]);
    store.newest = START + 60_000;
    await watch.look();
    expect(watch.mayLease()).toBe(true);
    await watch.stop();
  });

  it('stops credit when the store does not answer for so long', async () => {
    const { clock, store, watch } = setup(60_000);
    store.down = true;
    await watch.look();
    expect(watch.mayLease()).toBe(true);
    clock.advance(60_001);
    await watch.look();
    expect(watch.mayLease()).toBe(false);
    await watch.stop();
  });

  it('is patient with a silence that is shorter, however often there is one', async () => {
    const { clock, store, watch } = setup(60_000);
    for (let i = 0; i < 5; i++) {
      for (let silentMs = 0; silentMs < 55_000; silentMs += 5_000) {
        clock.advance(5_000);
        await watch.look();
        expect(watch.mayLease()).toBe(true);
      }
      store.newest = clock.nowMs();
      await watch.look();
    }
    await watch.stop();
  });

  it('stops credit when the store hangs and never says so', async () => {
    const { clock, store, watch } = setup(60_000);
    store.hangs = true;
    void watch.look();
    clock.advance(60_001);
    expect(watch.mayLease()).toBe(false);
    await watch.stop();
  });

  it('counts from the start where there is no record yet, and can be switched off', async () => {
    const { clock, store, watch } = setup(0);
    store.newest = null;
    clock.advance(86_400_000);
    await watch.look();
    expect(watch.mayLease()).toBe(true);
    await watch.stop();
  });
});
