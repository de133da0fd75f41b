import type { LogRecord } from '../../core/eventlog.ts';
import { campaignChangeSchema } from '../../core/topics.ts';
import type { CatalogChange } from '../catalog/catalog.ts';
import type { LineSlots } from './slots.ts';

/**
 * Turns records of the `campaigns` topic into updates for the bid threads. A record that is not valid is reported and
 * left out: the last valid state of its key stays.
 */
export function catalogUpdates(
  records: readonly LogRecord[],
  slots: LineSlots,
  onInvalid: (key: string, why: string) => void,
): CatalogChange[] {
  // Within a batch only the last record of a key matters.
  const last = new Map(records.map((record) => [record.key, record]));
  const updates: CatalogChange[] = [];
  for (const record of last.values()) {
    if (record.value === null) {
      updates.push({ deleted: record.key });
      continue;
    }
    const change = readChange(record.value);
    if (typeof change === 'string') {
      onInvalid(record.key, change);
      continue;
    }
    const slot = change.kind === 'line_item' ? slots.of(change.entity.id) : -1;
    if (change.kind === 'line_item' && slot < 0) onInvalid(record.key, 'There are more line items than maxLineItems.');
    updates.push({ change, slot });
  }
  return updates;
}

function readChange(value: Buffer) {
  try {
    const parsed = campaignChangeSchema.safeParse(JSON.parse(value.toString('utf8')));
    return parsed.success ? parsed.data : (parsed.error.issues[0]?.message ?? 'invalid');
  } catch {
    return 'not JSON';
  }
}
