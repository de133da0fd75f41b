import type { LogRecord } from '../../core/eventlog.ts';
import { campaignChangeSchema } from '../../core/topics.ts';
import type { CatalogChange } from '../catalog/catalog.ts';
import type { LineSlots } from './slots.ts';

/** The last record of each key: within a batch only that one matters. */
export function lastOfKeys(records: readonly LogRecord[]): LogRecord[] {
  return [...new Map(records.map((record) => [record.key, record])).values()];
}

/**
 * Turns a record of the `campaigns` topic into an update for the bid threads. A record that is not valid is reported and
 * left out: the last valid state of its key stays.
 * @returns null for one that is left out
 */
export function catalogUpdate(
  record: LogRecord,
  slots: LineSlots,
  onInvalid: (key: string, why: string) => void,
): CatalogChange | null {
  if (record.value === null) return { deleted: record.key };
  const change = readChange(record.value);
  if (typeof change === 'string') {
    onInvalid(record.key, change);
    return null;
  }
  const slot = change.kind === 'line_item' ? slots.of(change.entity.id) : -1;
  if (change.kind === 'line_item' && slot < 0) onInvalid(record.key, 'There are more line items than maxLineItems.');
  return { change, slot };
}

function readChange(value: Buffer) {
  try {
    const parsed = campaignChangeSchema.safeParse(JSON.parse(value.toString('utf8')));
    return parsed.success ? parsed.data : (parsed.error.issues[0]?.message ?? 'invalid');
  } catch {
    return 'not JSON';
  }
}
