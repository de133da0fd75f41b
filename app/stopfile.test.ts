import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { ConsumeOptions, EventLog } from '../core/eventlog.ts';
import { parseScopes, withStopFile } from './stopfile.ts';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-stop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A log whose campaigns topic a test writes by hand, and what a bidder would understand of it. */
async function follow(path: string) {
  const stopped = new Set<string>();
  let feed: ConsumeOptions | undefined;
  const log = {
    consume: async (options: ConsumeOptions) => {
      feed = options;
      return { commit: async () => undefined, stop: async () => undefined };
    },
  } as unknown as EventLog;
  const logger = pino({ level: 'silent' });
  const consumer = await withStopFile(log, { path, pollMs: 5, logger }).consume({
    topic: 'campaigns',
    group: null,
    maxBatchRecords: 10,
    onError: () => undefined,
    onBatch: async ({ records }) => {
      for (const { key, value } of records) {
        const scope = key.replace('switch:', '');
        const on = value !== null && (JSON.parse(value.toString()) as { entity: { on: boolean } }).entity.on;
        if (on) stopped.add(scope);
        else stopped.delete(scope);
      }
    },
  });
  let offset = 0;
  const topic = (scope: string, on: boolean) => {
    const change = { kind: 'switch', entity: { scope, on, reason: 'api' } };
    const record = {
      offset: offset++,
      key: `switch:${scope}`,
      value: Buffer.from(JSON.stringify(change)),
      appendedMs: 0,
    };
    return feed!.onBatch({ topic: 'campaigns', partition: 0, records: [record], end: offset });
  };
  const shows = (...scopes: string[]) => vi.waitFor(() => expect([...stopped].sort()).toEqual(scopes));
  return { consumer, topic, shows };
}

describe('the stop file', () => {
  it('stops what it lists while it is there, within a moment', async () => {
    const path = join(folder, 'stop-1');
    const { consumer, shows } = await follow(path);
    await shows();
    writeFileSync(path, 'exchange:demo   # they asked\ncampaign:7\n');
    await shows('campaign:7', 'exchange:demo');
    writeFileSync(path, 'campaign:7\n');
    await shows('campaign:7');
    rmSync(path);
    await shows();
    await consumer.stop();
  });

  it('counts when it was there before the start', async () => {
    const path = join(folder, 'stop-2');
    writeFileSync(path, '');
    const { consumer, shows } = await follow(path);
    await shows('all');
    await consumer.stop();
  });

  it('stops everything when it can not be understood or read', async () => {
    expect(parseScopes('campain:7', () => undefined)).toEqual(['all']);
    expect(parseScopes('\n# nothing\n', () => undefined)).toEqual(['all']);
    const path = join(folder, 'a-folder');
    mkdirSync(path);
    const { consumer, shows } = await follow(path);
    await shows('all');
    await consumer.stop();
  });

  it('neither lifts a switch of the API nor is lifted by one', async () => {
    const path = join(folder, 'stop-3');
    const { consumer, topic, shows } = await follow(path);
    await topic('campaign:7', true);
    writeFileSync(path, 'campaign:7\nall\n');
    await shows('all', 'campaign:7');
    await topic('all', false);
    await shows('all', 'campaign:7');
    rmSync(path);
    await shows('campaign:7');
    await topic('campaign:7', false);
    await shows();
    await consumer.stop();
  });
});
