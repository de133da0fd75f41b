import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { lineItemSchema } from '../../core/campaign.ts';
import { systemClock } from '../../core/clock.ts';
import { campaignChangeKey, campaignChangeSchema } from '../../core/topics.ts';
import { createEmbeddedLog } from '../log/embedded.ts';
import { eventually } from '../log/eventlog.case.ts';
import { defaultWindows } from './attribution.ts';
import { followWindows } from './windows.ts';

const dir = mkdtempSync(join(tmpdir(), 'evenkeel-windows-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const DAY_MS = 86_400_000;

function lineItem(id: number, clickWindowDays: number, viewWindowDays: number) {
  const entity = lineItemSchema.parse({
    id,
    campaignId: 1,
    name: 'n',
    goal: { type: 'cpm', bidCpmMicros: 1000 },
    clickWindowDays,
    viewWindowDays,
  });
  const change = campaignChangeSchema.parse({ kind: 'line_item', entity });
  return { key: campaignChangeKey(change), value: Buffer.from(JSON.stringify(change)) };
}

it('knows the windows of line items at once, and their changes', async () => {
  const log = createEmbeddedLog({ dir }, { clock: systemClock });
  const empty = await followWindows(log, () => {});
  expect(empty.windowsOf(7)).toEqual(defaultWindows);
  await empty.stop();
  const nonsense = { key: 'line_item:9', value: Buffer.from('{"kind":"line_item"') };
  await log.append('campaigns', [
    lineItem(7, 3, 0),
    lineItem(8, 90, 30),
    nonsense,
    { key: 'line_item:8', value: null },
  ]);
  const windows = await followWindows(log, () => {});
  expect(windows.windowsOf(7)).toEqual({ clickMs: 3 * DAY_MS, viewMs: 0 });
  expect(windows.windowsOf(1)).toEqual(defaultWindows);
  await log.append('campaigns', [lineItem(7, 5, 2)]);
  await eventually(() => windows.windowsOf(7).clickMs === 5 * DAY_MS, 10_000);
  await windows.stop();
  await log.close();
});

it('does not wait for ever for records that were dropped from the end of the topic', async () => {
  const log = createEmbeddedLog({ dir: join(dir, 'dropped') }, { clock: systemClock });
  await log.append('campaigns', [lineItem(7, 3, 0)]);
  // As after a deletion that is past retention: the topic ends later than what can be read.
  const longer = { ...log, bounds: async () => [{ partition: 0, first: 0, end: 9 }] };
  const windows = await followWindows(longer, () => {}, 200);
  expect(windows.windowsOf(7).clickMs).toBe(3 * DAY_MS);
  await windows.stop();
  await log.close();
});
