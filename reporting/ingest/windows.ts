import { createCatchUp } from '../../core/catchup.ts';
import type { EventLog } from '../../core/eventlog.ts';
import { campaignChangeSchema } from '../../core/topics.ts';
import { type AttributionWindows, defaultWindows, type WindowsOf } from './attribution.ts';

const DAY_MS = 86_400_000;

export interface FollowedWindows {
  readonly windowsOf: WindowsOf;
  stop(): Promise<void>;
}

/** Longer than others wait: what is judged by windows that were not read stays so. */
const QUIET_MS = 10_000;

/**
 * Follows the `campaigns` topic for the look-back windows of line items. Resolves when everything published so far was
 * read, or nothing more came for `quietMs`: a conversion must not be judged by a default its line item has replaced. A
 * deleted line item keeps its windows.
 */
export async function followWindows(
  log: EventLog,
  onError: (error: unknown) => void,
  quietMs = QUIET_MS,
): Promise<FollowedWindows> {
  const windows = new Map<number, AttributionWindows>();
  const catchUp = createCatchUp(await log.bounds('campaigns'), quietMs);
  const consumer = await log.consume({
    topic: 'campaigns',
    group: null,
    maxBatchRecords: 1000,
    async onBatch({ partition, records }) {
      for (const { value } of records) if (value !== null) take(windows, value);
      catchUp.read(partition, records.at(-1)!.offset + 1);
    },
    onError,
  });
  await catchUp.wait();
  return { windowsOf: (lineItemId) => windows.get(lineItemId) ?? defaultWindows, stop: () => consumer.stop() };
}

/** What is no line item, or not readable, is somebody else's business. */
function take(windows: Map<number, AttributionWindows>, value: Buffer): void {
  if (!value.includes('"line_item"')) return;
  try {
    const change = campaignChangeSchema.safeParse(JSON.parse(value.toString('utf8')));
    if (!change.success || change.data.kind !== 'line_item') return;
    const { id, clickWindowDays, viewWindowDays } = change.data.entity;
    windows.set(id, { clickMs: clickWindowDays * DAY_MS, viewMs: viewWindowDays * DAY_MS });
  } catch {
    // Not JSON.
  }
}
