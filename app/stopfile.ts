import { readFile, stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { messageOf } from '../core/errors.ts';
import type { ConsumeOptions, EventLog, LogBatch, LogRecord } from '../core/eventlog.ts';
import { type CampaignChange, campaignChangeKey, campaignChangeSchema } from '../core/topics.ts';

export interface StopFileOptions {
  /** While this file exists, bidding stops for the scopes it lists, one a line; an empty file stops everything. */
  readonly path: string;
  /** How often it is looked at, ms. Polling, because file events do not cross mounts. */
  readonly pollMs: number;
  /** Scopes that stop for another reason of this machine, asked as often. */
  readonly also?: () => readonly string[];
  readonly logger: Logger;
}

const MAX_BYTES = 65_536;
const SCOPE = /^(all|exchange:[A-Za-z0-9_.-]{1,32}|advertiser:\d{1,10}|campaign:\d{1,10})$/;
const SWITCH = 'switch:';

/**
 * The kill switch that works without API and log: the same log, whose `campaigns` topic seems to carry a switch for
 * every scope of a file on this machine. A scope is stopped while the topic or the file says so.
 */
export function withStopFile(log: EventLog, options: StopFileOptions): EventLog {
  return {
    ...log,
    async consume(consume: ConsumeOptions) {
      if (consume.topic !== 'campaigns') return log.consume(consume);
      const merge = createMerge(consume.onBatch);
      merge.setFile(await readScopes(options, null));
      let text: string | null = null;
      let reading = false;
      const timer = setInterval(async () => {
        if (reading) return;
        reading = true;
        const scopes = await readScopes(options, text);
        const now = scopes.join(' ');
        if (now !== text) merge.setFile(scopes);
        text = now;
        reading = false;
      }, options.pollMs);
      const consumer = await log.consume({ ...consume, onBatch: merge.onBatch });
      return {
        ...consumer,
        async stop() {
          clearInterval(timer);
          await consumer.stop();
          await merge.settled();
        },
      };
    },
  };
}

/** Scopes in the file. What can not be read stops everything: somebody wanted bidding to stop. */
async function readScopes(options: StopFileOptions, before: string | null): Promise<readonly string[]> {
  const { path, logger } = options;
  const also = options.also?.() ?? [];
  try {
    const { size } = await stat(path);
    const text = size > MAX_BYTES ? 'a file that large' : await readFile(path, 'utf8');
    const scopes = parseScopes(text, (line) => {
      if (before !== 'all') logger.error({ code: 'stop_file.line', path, line }, 'not a scope, so everything stops');
    });
    return [...new Set([...scopes, ...also])];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return also;
    if (before !== 'all')
      logger.error({ code: 'stop_file.unreadable', path, error: messageOf(error) }, 'everything stops');
    return ['all'];
  }
}

/** One scope a line; `#` begins a comment. No scope at all, or a line that is none, means `all`. */
export function parseScopes(text: string, onBad: (line: string) => void): readonly string[] {
  const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*$/, '').trim());
  const scopes = lines.filter((line) => line !== '');
  const bad = scopes.find((scope) => !SCOPE.test(scope));
  if (bad !== undefined) onBad(bad.slice(0, 80));
  return scopes.length === 0 || bad !== undefined ? ['all'] : [...new Set(scopes)].sort();
}

interface Merge {
  setFile(scopes: readonly string[]): void;
  onBatch(batch: LogBatch): Promise<void>;
  settled(): Promise<void>;
}

/** Puts the file's scopes over the topic's, one batch at a time. */
function createMerge(deliver: (batch: LogBatch) => Promise<void>): Merge {
  const byTopic = new Map<string, LogRecord>();
  let byFile = new Set<string>();
  let partition = 0;
  let end = 0;
  let running: Promise<void> = Promise.resolve();

  function later(work: () => Promise<void>): Promise<void> {
    const done = running.then(work);
    running = done.catch(() => undefined);
    return done;
  }

  return {
    setFile(scopes) {
      const before = byFile;
      byFile = new Set(scopes);
      const changed = [...new Set([...before, ...byFile])].filter((scope) => before.has(scope) !== byFile.has(scope));
      if (changed.length === 0) return;
      const records = changed.map((scope) => (byFile.has(scope) ? stopRecord(scope) : topicRecord(byTopic, scope)));
      void later(() => deliver({ topic: 'campaigns', partition, records, end }));
    },
    onBatch: (batch) =>
      later(() => {
        partition = batch.partition;
        end = batch.end;
        for (const record of batch.records) if (record.key.startsWith(SWITCH)) byTopic.set(record.key, record);
        return deliver({ ...batch, records: batch.records.map((record) => overlaid(record, byFile)) });
      }),
    settled: () => running,
  };
}

/** A record of the topic as it counts while the file stands. */
function overlaid(record: LogRecord, byFile: ReadonlySet<string>): LogRecord {
  const scope = record.key.startsWith(SWITCH) ? record.key.slice(SWITCH.length) : null;
  return scope !== null && byFile.has(scope) ? { ...record, value: stopRecord(scope).value } : record;
}

/** What the topic says of a scope that left the file: nothing, unless a switch there is still on. */
function topicRecord(byTopic: ReadonlyMap<string, LogRecord>, scope: string): LogRecord {
  const record = byTopic.get(SWITCH + scope);
  if (record?.value !== null && record !== undefined) {
    const change = campaignChangeSchema.safeParse(JSON.parse(record.value.toString('utf8')));
    if (change.success && change.data.kind === 'switch' && change.data.entity.on) return { ...record, offset: -1 };
  }
  return { offset: -1, key: SWITCH + scope, value: null, appendedMs: 0 };
}

function stopRecord(scope: string): LogRecord {
  const change: CampaignChange = {
    kind: 'switch',
    entity: { scope, on: true, reason: 'the stop file or the spend limit of this machine' },
  };
  return { offset: -1, key: campaignChangeKey(change), value: Buffer.from(JSON.stringify(change)), appendedMs: 0 };
}
