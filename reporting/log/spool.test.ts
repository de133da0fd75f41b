import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import type { EventLog } from '../../core/eventlog.ts';
import { createEmbeddedLog } from './embedded.ts';
import { eventLogContract, eventually, numbered, readAll } from './eventlog.case.ts';
import { createSpooledLog, type SpoolConfig, type SpooledLog } from './spool.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const PATIENCE_MS = 10_000;
let dir = '';
const opened: EventLog[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'evenkeel-spool-'));
});
afterEach(async () => {
  for (const log of opened.splice(0).reverse()) await log.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A log that can be away. The spool only sees `connect` and `append` fail. */
function behind(state: { away: boolean }): { connect: () => Promise<EventLog>; log: EventLog } {
  const log = createEmbeddedLog({ dir: join(dir, 'behind') }, { clock: systemClock });
  opened.push(log);
  const unreachable = () => Promise.reject(new Error('nobody there'));
  return {
    log,
    connect: async () => {
      if (state.away) return unreachable();
      return {
        ...log,
        append: (topic, records) => (state.away ? unreachable() : log.append(topic, records)),
        close: async () => {},
      };
    },
  };
}

function open(
  connect: () => Promise<EventLog>,
  config: Partial<SpoolConfig> = {},
  registry = new Registry(),
): SpooledLog {
  const log = createSpooledLog(
    { dir: join(dir, 'spool'), drainMs: 0, ...config },
    { connect, clock: systemClock, logger: pino({ level: 'silent' }), registry },
  );
  opened.push(log);
  return log;
}

it('takes events while the log behind is away and forwards all of them, in order, when it is back', async () => {
  const state = { away: true };
  const { connect, log } = behind(state);
  const registry = new Registry();
  const spool = open(connect, {}, registry);
  for (let i = 0; i < 20; i++)
    await spool.append(
      'events',
      numbered(50).map(({ value }) => ({ key: 'one', value })),
    );
  expect(await spool.backlog()).toBe(1000);
  expect(await registry.metrics()).toMatch(/evenkeel_spool_fill_ratio 0\.0000\d+/);
  state.away = false;
  await spool.append('campaigns', numbered(1));
  await eventually(() => spool.fill() === 0, PATIENCE_MS);
  const records = await readAll(log, 'events', 1000, PATIENCE_MS);
  expect(records.map(({ value }) => Number(value))).toEqual(Array.from({ length: 1000 }, (_, i) => i % 50));
  expect(await spool.backlog()).toBe(0);
});

it('forwards at the next start what it could not forward before', async () => {
  const state = { away: true };
  const { connect, log } = behind(state);
  const first = open(connect);
  await first.append('events', numbered(30));
  await first.close();
  state.away = false;
  open(connect);
  await readAll(log, 'events', 30, PATIENCE_MS);
});

it('says that no bids should be made before it is full, and still takes notices until it is', async () => {
  const state = { away: true };
  const { connect, log } = behind(state);
  const spool = open(connect, { maxBytes: 100_000, stopBiddingAt: 0.5 });
  const kilobyte = [{ key: 'k', value: Buffer.alloc(1000) }];
  let kept = 0;
  let keptWhenBiddingStopped = 0;
  for (;;) {
    try {
      await spool.append('events', kilobyte);
    } catch (error) {
      expect(error).toMatchObject({ code: 'log_full' });
      break;
    }
    kept += 1;
    if (!spool.canBid() && keptWhenBiddingStopped === 0) keptWhenBiddingStopped = kept;
  }
  expect(keptWhenBiddingStopped).toBeGreaterThan(40);
  expect(keptWhenBiddingStopped).toBeLessThan(60);
  expect(kept).toBeGreaterThan(90);
  state.away = false;
  await eventually(() => spool.canBid() && spool.fill() === 0, PATIENCE_MS);
  await spool.append('events', kilobyte);
  await readAll(log, 'events', kept + 1, PATIENCE_MS);
});

let contract = '';
eventLogContract('the spooled log', {
  patienceMs: PATIENCE_MS,
  async open() {
    if (contract === '') contract = mkdtempSync(join(tmpdir(), 'evenkeel-spool-contract-'));
    return createSpooledLog(
      { dir: join(contract, 'spool') },
      {
        connect: async () => createEmbeddedLog({ dir: join(contract, 'behind') }, { clock: systemClock }),
        clock: systemClock,
        logger: pino({ level: 'silent' }),
        registry: new Registry(),
      },
    );
  },
  async reset() {
    rmSync(contract, { recursive: true, force: true });
    contract = '';
  },
});
