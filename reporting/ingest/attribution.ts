import type { LoggedEvent } from '../../core/event.ts';
import { loggedEventSchema } from '../../core/event.ts';
import type { LogRecord } from '../../core/eventlog.ts';
import type { Store, Touch } from '../store/store.ts';

/** How long after a click or a view a conversion still belongs to it, milliseconds. */
export interface AttributionWindows {
  readonly clickMs: number;
  readonly viewMs: number;
}

export type WindowsOf = (lineItemId: number) => AttributionWindows;

const DAY_MS = 86_400_000;
/** What a line item has that says nothing else. */
export const defaultWindows: AttributionWindows = { clickMs: 30 * DAY_MS, viewMs: DAY_MS };
/** The longest windows a line item may have; how far back the store is asked. */
const LONGEST_MS = 90 * DAY_MS;

/** What users of a batch's conversions saw and clicked before. */
export type Touches = readonly Touch[];

/**
 * Asks the store, once for a batch, what the users of conversions without a click id saw and clicked. What was decided
 * within the last blocks may not be there yet: a conversion seconds after its click should bring the click id.
 */
export async function touchesFor(store: Store, records: readonly LogRecord[]): Promise<Touches> {
  const wanted = records.map(withoutToken).filter((event) => event !== null);
  if (wanted.length === 0) return [];
  const users = [...new Set(wanted.map((event) => event.conversion!.user))];
  const sinceMs = Math.min(...wanted.map((event) => event.atMs)) - LONGEST_MS;
  return store.touches(users, sinceMs);
}

/** The event a conversion belongs to: the latest click in its window, else the latest view; null when there is none. */
export function touchOf(event: LoggedEvent, touches: Touches, windowsOf: WindowsOf): Touch | null {
  let best: Touch | null = null;
  for (const touch of touches) {
    if (touch.token.user !== event.conversion?.user || touch.token.advertiserId !== event.conversion.advertiserId)
      continue;
    const agoMs = event.atMs - touch.atMs;
    const windows = windowsOf(touch.token.lineItemId);
    if (agoMs < 0 || agoMs > (touch.click ? windows.clickMs : windows.viewMs)) continue;
    const better = best === null || (touch.click === best.click ? touch.atMs > best.atMs : touch.click);
    if (better) best = touch;
  }
  return best;
}

/** A conversion that must be found by its user, or null. Most records are told from their bytes alone. */
function withoutToken(record: LogRecord): LoggedEvent | null {
  if (record.value === null || !record.value.includes('"token":""')) return null;
  try {
    const parsed = loggedEventSchema.safeParse(JSON.parse(record.value.toString('utf8')));
    if (!parsed.success || parsed.data.token !== '' || parsed.data.type !== 'conversion') return null;
    return isUser(parsed.data.conversion?.user ?? '') ? parsed.data : null;
  } catch {
    return null;
  }
}

function isUser(user: string): boolean {
  return /^[0-9a-f]{16}$/.test(user);
}
