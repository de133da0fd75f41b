import { billOf } from '../../core/billing.ts';
import type { Clock } from '../../core/clock.ts';
import { type EventType, eventTypes, type LoggedEvent } from '../../core/event.ts';
import type { LogRecord } from '../../core/eventlog.ts';
import { readToken } from '../../core/token.ts';
import type { Learned } from '../auction/insight.ts';
import type { CatalogChange } from '../catalog/catalog.ts';
import type { BidderConfig } from '../config.ts';
import { type CapStats, createCapStore } from '../users/capstore.ts';
import { openCheckpoint } from '../users/checkpoint.ts';
import { createLearner } from '../value/learner.ts';
import type { SpendGuard } from './spendguard.ts';

/**
 * What a node remembers of all nodes' events: impressions per user for frequency caps, and what impressions turned out
 * to be worth and to cost. It lives in shared memory and, with a path, survives a restart.
 */
export interface NodeMemory {
  readonly learned: Learned;
  /** Why the file of an earlier run was not used; '' when it was, or there was none. */
  readonly fault: string;
  /** Where to go on in a partition of `events`; undefined without a memory of it. */
  startAt(partition: number): number | undefined;
  /** Line items must be known before the events that concern their caps. */
  onCampaigns(updates: readonly CatalogChange[]): void;
  onEvents(records: readonly LogRecord[], partition: number): void;
  /** Publishes, fades and saves what is due; call it every second. */
  tick(): Promise<void>;
  /** Saves a last time. */
  close(): Promise<void>;
  stats(): CapStats;
}

const SAVE_EVERY_MS = 60_000;
const FADE_EVERY_MS = 3_600_000;

export function createNodeMemory(
  config: Pick<BidderConfig, 'tokenKeys' | 'users' | 'learning' | 'currencies' | 'tokenLifetimeMs' | 'clickLifetimeMs'>,
  clock: Clock,
  guard: SpendGuard,
): NodeMemory {
  const caps = createCapStore({ buckets: config.users.capBuckets });
  const learner = createLearner(config.learning);
  const checkpoint = openCheckpoint(config.learning.path, [{ name: 'caps', memory: caps.table }, ...learner.memory]);
  const currencies = new Map<number, string>();
  let savedMs = clock.monotonicMs();
  let fadedMs = savedMs;

  const onEvent = (value: Buffer): void => {
    const event = readEvent(value);
    if (event === null || event.token === '') return;
    const token = readToken(event.token, config.tokenKeys);
    if (typeof token === 'string') return;
    const late =
      event.type === 'click' || event.type === 'conversion' ? config.clickLifetimeMs : config.tokenLifetimeMs;
    if (event.atMs - token.bidAtMs > late) return;
    const bill = billOf(token, event);
    if (bill.billing) guard.billed(token.advertiserId, token.bidId, bill.nanos, event.atMs);
    caps.observe(event, token);
    const rate = config.currencies[currencies.get(token.advertiserId) ?? 'USD'];
    // Prices in a currency that has no rate any more teach nothing; the event counts all the same.
    learner.observe(rate === undefined ? { ...event, minToWinNanos: null } : event, token, rate);
  };

  return {
    learned: { caps: caps.table, evidence: learner.evidence, shading: learner.shading },
    fault: checkpoint.fault,
    startAt: checkpoint.position,
    stats: caps.stats,
    onCampaigns(updates) {
      for (const update of updates) {
        if ('deleted' in update) {
          const [kind, id] = update.deleted.split(':');
          if (kind === 'line_item') caps.deleteLineItem(Number(id));
          if (kind === 'advertiser') currencies.delete(Number(id));
        } else if (update.change.kind === 'line_item') caps.setLineItem(update.change.entity);
        else if (update.change.kind === 'advertiser') {
          currencies.set(update.change.entity.id, update.change.entity.currency);
        }
      }
    },
    onEvents(records, partition) {
      for (const { value } of records) if (value !== null) onEvent(value);
      const last = records.at(-1);
      if (last !== undefined) checkpoint.advance(partition, last.offset + 1);
    },
    async tick() {
      learner.publish();
      const nowMs = clock.monotonicMs();
      if (nowMs - fadedMs >= FADE_EVERY_MS) {
        fadedMs = nowMs;
        learner.fade();
      }
      if (nowMs - savedMs < SAVE_EVERY_MS) return;
      savedMs = nowMs;
      await checkpoint.save();
    },
    async close() {
      await checkpoint.save();
      await checkpoint.save();
    },
  };
}

const knownTypes: ReadonlySet<string> = new Set(eventTypes);

/** The few fields that matter here, checked by hand: every event of every node comes this way. */
function readEvent(
  value: Buffer,
): Pick<LoggedEvent, 'type' | 'token' | 'atMs' | 'detail' | 'priceNanos' | 'minToWinNanos'> | null {
  let event: Partial<Record<keyof LoggedEvent, unknown>> | null;
  try {
    event = JSON.parse(value.toString('utf8'));
  } catch {
    return null;
  }
  if (typeof event !== 'object' || event === null) return null;
  const { type, token, atMs, detail, priceNanos, minToWinNanos } = event;
  if (typeof type !== 'string' || !knownTypes.has(type)) return null;
  if (typeof token !== 'string' || typeof atMs !== 'number') return null;
  return {
    type: type as EventType,
    token,
    atMs,
    detail: typeof detail === 'string' ? detail : '',
    priceNanos: typeof priceNanos === 'number' ? priceNanos : null,
    minToWinNanos: typeof minToWinNanos === 'number' ? minToWinNanos : null,
  };
}
