import type { Logger } from 'pino';
import type { Advertiser, Campaign, Creative, LineItem } from '../../core/campaign.ts';
import { createCatchUp } from '../../core/catchup.ts';
import { codeOf, messageOf } from '../../core/errors.ts';
import type { EventLog } from '../../core/eventlog.ts';
import { type CampaignChange, campaignChangeKey, campaignChangeSchema, type KillSwitch } from '../../core/topics.ts';
import { Problem } from './problem.ts';

export interface Entities {
  readonly advertiser: Advertiser;
  readonly campaign: Campaign;
  readonly line_item: LineItem;
  readonly creative: Creative;
}
export type EntityKind = keyof Entities;
export const entityKinds = ['advertiser', 'campaign', 'line_item', 'creative'] as const satisfies readonly EntityKind[];

/** The API's view of the `campaigns` topic, and its way to change it. */
export interface Directory {
  get<K extends EntityKind>(kind: K, id: number): Entities[K] | undefined;
  all<K extends EntityKind>(kind: K): Iterable<Entities[K]>;
  /** Ids of the entities directly below one: campaigns of an advertiser, line items of a campaign, creatives of a line item. */
  childrenOf(kind: Exclude<EntityKind, 'creative'>, id: number): readonly number[];
  count(): number;
  switches(): readonly KillSwitch[];
  /** Currencies with a rate: bidders do not bid for accounts in others. */
  readonly currencies: ReadonlySet<string>;
  /** The advertiser an entity belongs to; undefined when a link of its path is missing. */
  advertiserOf(kind: EntityKind, entity: Entities[EntityKind]): number | undefined;
  /**
   * Appends changes and resolves when this view shows them.
   * @throws Problem write_unconfirmed when the log did not confirm in time; the changes may still appear
   */
  write(changes: readonly CampaignChange[]): Promise<void>;
  /** Runs one writer at a time, so that what it read still holds when it writes. @throws Problem overloaded */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  onChange(listener: (change: CampaignChange) => void): () => void;
  /** False once following stopped on an error: the view grows stale. */
  healthy(): boolean;
  stop(): Promise<void>;
}

export interface DirectoryOptions {
  readonly log: EventLog;
  readonly logger: Logger;
  /** How long a write may take to show up, ms. */
  readonly confirmWithinMs: number;
  /** Writers that may wait for their turn. */
  readonly maxWaitingWriters: number;
  /** ISO-4217 codes that bidders have a rate for. Default: US dollars alone. */
  readonly currencies?: Iterable<string>;
}

interface Waiter {
  missing: Map<string, number>;
  resolve(): void;
}

type ById = { readonly [K in EntityKind]: Map<number, Entities[K]> };

/**
 * Reads the topic to its present end, then follows it. Resolves when the view is complete, rejects when following
 * stopped before.
 */
export async function openDirectory(options: DirectoryOptions): Promise<Directory> {
  const { log, logger } = options;
  const byId: ById = { advertiser: new Map(), campaign: new Map(), line_item: new Map(), creative: new Map() };
  const children = {
    advertiser: new Map<number, Set<number>>(),
    campaign: new Map<number, Set<number>>(),
    line_item: new Map<number, Set<number>>(),
  };
  const switches = new Map<string, KillSwitch>();
  const waiters = new Set<Waiter>();
  const listeners = new Set<(change: CampaignChange) => void>();
  let healthy = true;

  const apply = (change: CampaignChange): void => {
    if (change.kind === 'switch') switches.set(change.entity.scope, change.entity);
    else {
      (byId[change.kind] as Map<number, Entities[EntityKind]>).set(change.entity.id, change.entity);
      link(children, change);
    }
    const key = campaignChangeKey(change);
    const version = change.kind === 'switch' ? 0 : change.entity.version;
    for (const waiter of waiters) {
      if (version >= (waiter.missing.get(key) ?? Number.POSITIVE_INFINITY)) waiter.missing.delete(key);
      if (waiter.missing.size === 0) waiter.resolve();
    }
    for (const listener of listeners) listener(change);
  };

  const catchUp = createCatchUp(await log.bounds('campaigns'));
  let onFailure: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    onFailure = reject;
  });
  const consumer = await log.consume({
    topic: 'campaigns',
    group: null,
    maxBatchRecords: 1000,
    async onBatch({ partition, records }) {
      for (const { key, value } of records) {
        const change = readChange(value, key, logger);
        if (change !== null) apply(change);
      }
      catchUp.read(partition, records.at(-1)!.offset + 1);
    },
    onError(error) {
      healthy = false;
      logger.error({ code: codeOf(error), error: messageOf(error) }, 'stopped following the campaigns topic');
      onFailure(error);
    },
  });
  // Nobody waits for it any more once the view is complete.
  failed.catch(() => catchUp.stop());
  await Promise.race([catchUp.wait(), failed]);

  let tail: Promise<unknown> = Promise.resolve();
  let waitingWriters = 0;

  return {
    get: (kind, id) => byId[kind].get(id) as Entities[typeof kind] | undefined,
    all: (kind) => byId[kind].values() as Iterable<Entities[typeof kind]>,
    childrenOf: (kind, id) => [...(children[kind].get(id) ?? [])].sort((a, b) => a - b),
    count: () => entityKinds.reduce((sum, kind) => sum + byId[kind].size, 0),
    switches: () => [...switches.values()],
    currencies: new Set(options.currencies ?? ['USD']),
    advertiserOf: (kind, entity) => advertiserOf(byId, kind, entity),
    async write(changes) {
      const missing = new Map(
        changes.map((change) => [campaignChangeKey(change), change.kind === 'switch' ? 0 : change.entity.version]),
      );
      const waiter: Waiter = { missing, resolve: () => undefined };
      const shown = new Promise<void>((resolve) => {
        waiter.resolve = resolve;
      });
      waiters.add(waiter);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(unconfirmed()), options.confirmWithinMs);
      });
      try {
        const records = changes.map((change) => ({
          key: campaignChangeKey(change),
          value: Buffer.from(JSON.stringify(change)),
        }));
        await Promise.race([log.append('campaigns', records).then(() => shown), late]);
      } finally {
        clearTimeout(timer);
        waiters.delete(waiter);
      }
    },
    exclusive(work) {
      if (waitingWriters >= options.maxWaitingWriters) {
        throw new Problem(503, 'overloaded', { detail: 'Too many changes at once.', headers: { 'retry-after': '1' } });
      }
      waitingWriters += 1;
      const turn = tail.then(work).finally(() => {
        waitingWriters -= 1;
      });
      tail = turn.catch(() => undefined);
      return turn;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    healthy: () => healthy,
    stop: () => consumer.stop(),
  };
}

function unconfirmed(): Problem {
  return new Problem(503, 'write_unconfirmed', {
    detail: 'The event log did not confirm in time. Read the entity again before repeating the change.',
    headers: { 'retry-after': '2' },
  });
}

function readChange(value: Buffer | null, key: string, logger: Logger): CampaignChange | null {
  if (value === null) return null;
  try {
    return campaignChangeSchema.parse(JSON.parse(value.toString('utf8')));
  } catch (error) {
    logger.warn({ key, error: messageOf(error) }, 'skipped a record of the campaigns topic that is not a change');
    return null;
  }
}

function link(
  children: Record<'advertiser' | 'campaign' | 'line_item', Map<number, Set<number>>>,
  change: CampaignChange,
) {
  const add = (kind: 'advertiser' | 'campaign' | 'line_item', parent: number, child: number): void => {
    const found = children[kind].get(parent) ?? new Set<number>();
    found.add(child);
    children[kind].set(parent, found);
  };
  if (change.kind === 'campaign') add('advertiser', change.entity.advertiserId, change.entity.id);
  if (change.kind === 'line_item') add('campaign', change.entity.campaignId, change.entity.id);
  if (change.kind === 'creative') add('line_item', change.entity.lineItemId, change.entity.id);
}

function advertiserOf(byId: ById, kind: EntityKind, entity: Entities[EntityKind]): number | undefined {
  if (kind === 'advertiser') return entity.id;
  if (kind === 'campaign') return (entity as Campaign).advertiserId;
  if (kind === 'line_item') return byId.campaign.get((entity as LineItem).campaignId)?.advertiserId;
  const lineItem = byId.line_item.get((entity as Creative).lineItemId);
  return lineItem === undefined ? undefined : byId.campaign.get(lineItem.campaignId)?.advertiserId;
}
