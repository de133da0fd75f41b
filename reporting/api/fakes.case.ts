import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { Registry } from 'prom-client';
import type { Audience, AudienceStore } from '../../core/audience.ts';
import { manualClock } from '../../core/clock.ts';
import type { EventLog, LogConsumer, LogRecord, NewRecord } from '../../core/eventlog.ts';
import { seededRandom } from '../../core/random.ts';
import type { ReportQuery, ReportRow, Reports } from '../../core/report.ts';
import type { TopicName } from '../../core/topics.ts';
import { type AppOptions, createApiApp } from './app.ts';
import { watchBids } from './bidwatch.ts';
import type { ApiLimits, Services } from './context.ts';
import { openDirectory } from './directory.ts';
import { createMemoryDocuments } from './documents.ts';
import { createGate } from './gate.ts';
import { createKeyRing, type Role } from './keys.ts';
import { createLiveBoard } from './liveboard.ts';
import { createPeople } from './people.ts';
import { createReportRuns, type ReportRuns } from './reportruns.ts';
import { createSavedReports } from './savedreports.ts';
import { createSessions } from './sessions.ts';
import { createTrafficBook } from './traffic.ts';
import { createWebhooks } from './webhooks.ts';

/** An event log in memory, one partition per topic, delivering in later microtasks as a real one would. */
export function createMemoryLog(): EventLog {
  const stored = new Map<TopicName, LogRecord[]>();
  const followers = new Set<() => void>();
  const recordsOf = (topic: TopicName): LogRecord[] => {
    const found = stored.get(topic) ?? [];
    stored.set(topic, found);
    return found;
  };
  return {
    async append(topic: TopicName, records: readonly NewRecord[]) {
      const all = recordsOf(topic);
      for (const { key, value } of records) all.push({ offset: all.length, key, value, appendedMs: 0 });
      for (const wake of followers) wake();
    },
    async consume(options): Promise<LogConsumer> {
      let next = (await options.start?.(0, null)) ?? 0;
      let running = Promise.resolve();
      const wake = (): void => {
        running = running.then(async () => {
          const all = recordsOf(options.topic);
          const records = all.slice(next);
          if (records.length === 0) return;
          next = all.length;
          await options.onBatch({ topic: options.topic, partition: 0, records, end: all.length });
        });
      };
      followers.add(wake);
      wake();
      return {
        commit: async () => undefined,
        stop: async () => {
          followers.delete(wake);
        },
      };
    },
    bounds: async (topic) => [{ partition: 0, first: 0, end: recordsOf(topic).length }],
    close: async () => undefined,
  };
}

/** Rows of a tiny store: every row is one impression-like fact that a query filters and sums. */
export interface Fact {
  readonly atMs: number;
  readonly advertiser: number;
  readonly campaign: number;
  readonly impressions: number;
  readonly clicks: number;
  readonly spendNanos: bigint;
  readonly country?: string;
  readonly domain?: string;
  readonly deviceType?: number;
  readonly wins?: number;
  readonly exchange?: string;
}

/** Reports over a list of facts: enough of the real semantics to test what the API adds. */
export function createFakeReports(facts: readonly Fact[]): Reports & { readonly asked: ReportQuery[] } {
  const asked: ReportQuery[] = [];
  const run = (query: ReportQuery): readonly ReportRow[] => {
    asked.push(query);
    const stepMs = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }[query.granularity as string] ?? 0;
    const groups = new Map<string, { key: ReportRow['dimensions']; timeMs: number; sum: Fact }>();
    for (const fact of facts) {
      if (fact.atMs < query.fromMs || fact.atMs >= query.toMs) continue;
      const bag = fact as unknown as Record<string, number>;
      if (Object.entries(query.filter).some(([name, values]) => !values.includes(bag[name] ?? -1))) continue;
      const timeMs = stepMs === 0 ? query.fromMs : Math.floor(fact.atMs / stepMs) * stepMs;
      const key = Object.fromEntries(query.dimensions.map((name) => [name, bag[name] ?? '']));
      const id = JSON.stringify([timeMs, key]);
      const found = groups.get(id)?.sum;
      const sum = {
        ...fact,
        impressions: fact.impressions + (found?.impressions ?? 0),
        clicks: fact.clicks + (found?.clicks ?? 0),
        spendNanos: fact.spendNanos + (found?.spendNanos ?? 0n),
        wins: (fact.wins ?? 0) + (found?.wins ?? 0),
      };
      groups.set(id, { key, timeMs, sum });
    }
    const sorted = [...groups.values()].sort((a, b) => a.timeMs - b.timeMs);
    if (query.orderBy?.by === 'spendNanos') sorted.sort((a, b) => Number(b.sum.spendNanos - a.sum.spendNanos));
    return sorted.slice(0, query.limit ?? sorted.length).map(({ key, timeMs, sum }) => ({
      timeMs,
      dimensions: key,
      metrics: {
        impressions: sum.impressions,
        clicks: sum.clicks,
        spendNanos: sum.spendNanos.toString(),
        ctr: sum.clicks / sum.impressions,
        ecpm: Number(sum.spendNanos) / 1e6 / sum.impressions,
        wins: sum.wins ?? 0,
        // Made up from the others, in proportion.
        losses: 2 * (sum.wins ?? 0),
        averagePriceCpm: Number(sum.spendNanos) / 1e6 / (sum.wins || 1),
        received: sum.impressions + (sum.wins ?? 0),
        invalid: Math.floor(sum.impressions / 97),
      },
    }));
  };
  /** Only for reports in one bucket. */
  const compared = (query: ReportQuery): readonly ReportRow[] => {
    const rows = run(query);
    if (query.compare === null) return rows;
    const before = run({ ...query, fromMs: 2 * query.fromMs - query.toMs, toMs: query.fromMs });
    const key = (row: ReportRow): string => JSON.stringify(row.dimensions);
    return rows.map((row) => ({ ...row, previous: before.find((one) => key(one) === key(row))?.metrics ?? {} }));
  };
  return {
    asked,
    query: async (query) => ({ rows: compared(query), truncated: false }),
    async *stream(query) {
      for (const row of compared(query)) yield [row];
    },
    async *parquet(query) {
      yield Buffer.from(`PAR1${JSON.stringify(run(query))}PAR1`);
    },
  };
}

export const START_MS = Date.parse('2026-11-22T12:00:00Z');
export const OPERATOR_KEY = 'operator-key-for-tests';
export const quiet = pino({ level: 'silent' });

export interface Harness {
  readonly app: ReturnType<typeof createApiApp>;
  readonly services: Services;
  readonly clock: ReturnType<typeof manualClock>;
  readonly log: EventLog;
  readonly reports: ReturnType<typeof createFakeReports>;
  readonly runs: ReportRuns;
  /** Calls the app; the body is sent as JSON. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Uploads a file of an ad; the operators' unless a key is named. */
  upload(path: 'images' | 'media', bytes: Buffer, type: string, key?: string): Promise<Answer>;
  keyFor(role: Role, advertiserId: number | null): Promise<string>;
}
export interface CallOptions {
  readonly key?: string | null;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined when it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any;
}

/** Where runs of saved reports are written; a test that makes some removes it. */
export const RUNS_DIR = join(tmpdir(), `evenkeel-runs-${process.pid}`);

/** The same for uploaded images. */
export const IMAGES_DIR = join(tmpdir(), `evenkeel-images-${process.pid}`);

/** The whole API on fakes. */
export async function createHarness(
  facts: readonly Fact[] = [],
  overrides: Partial<AppOptions> & { limits?: Partial<ApiLimits> } = {},
): Promise<Harness> {
  const log = createMemoryLog();
  const clock = manualClock(START_MS);
  const documents = createMemoryDocuments();
  const directory = await openDirectory({
    log,
    logger: quiet,
    confirmWithinMs: 1000,
    maxWaitingWriters: 100,
    currencies: ['USD', 'EUR'],
  });
  const keys = createKeyRing({ documents, clock, bootstrapOperatorKey: OPERATOR_KEY });
  const people = createPeople({ documents, clock, cost: { N: 1024 } });
  const sessions = createSessions({ documents, clock, keys, people, lifetimeMs: 3_600_000 });
  const reports = createFakeReports(facts);
  const limits: ApiLimits = {
    maxBodyBytes: 100_000,
    maxUploadBytes: 1_000_000,
    maxEntities: 1000,
    maxAdFilesBytes: 10_000_000,
    maxStreams: 4,
    maxReportRows: 1000,
    maxConcurrentReports: 4,
    maxRequestsPerMinute: 100_000,
    ...overrides.limits,
  };
  const services: Services = {
    directory,
    documents,
    keys,
    sessions,
    people,
    reports,
    clock,
    random: seededRandom(7),
    logger: quiet,
    limits,
  };
  const saved = createSavedReports(documents);
  const gate = createGate(limits.maxConcurrentReports, limits.maxConcurrentReports * 16);
  const webhooks = createWebhooks({ documents, clock, logger: quiet, metrics: new Registry(), fetch });
  const runs = createReportRuns({ services, saved, gate, dir: RUNS_DIR, webhooks });
  const app = createApiApp({
    tracer: null,
    reload: null,
    services,
    log,
    metrics: new Registry(),
    pacing: null,
    audiences: createMemoryAudiences(),
    board: createLiveBoard(directory, reports, overrides.pacing ?? null, clock),
    alerts: { list: () => [] },
    bids: await watchBids(log, clock, quiet),
    traffic: createTrafficBook(),
    saved,
    runs,
    gate,
    adFiles: { dir: IMAGES_DIR, publicUrl: null },
    status: {},
    sla: { p99Ms: 30, errorPercent: 0.1, lagRecords: 50_000 },
    staticDir: '/nonexistent',
    version: '0.0.0',
    sessionLifetimeMs: 3_600_000,
    isStopping: () => false,
    ...overrides,
  });
  const answerOf = async (response: Response): Promise<Answer> => {
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: tryJson(text) };
  };
  return {
    app,
    services,
    clock,
    log,
    reports,
    runs,
    async upload(path, bytes, type, key = OPERATOR_KEY) {
      const headers = { authorization: `Bearer ${key}`, 'content-type': type };
      const body = new Uint8Array(bytes);
      return answerOf(await app.request(`http://ads.example/api/v1/${path}`, { method: 'POST', headers, body }));
    },
    async call(method, path, { key = OPERATOR_KEY, body, headers = {} } = {}) {
      const sent = new Headers(headers);
      if (key !== null) sent.set('authorization', `Bearer ${key}`);
      if (body !== undefined && !sent.has('content-type')) sent.set('content-type', 'application/json');
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      return answerOf(
        await app.request(path, { method, headers: sent, ...(body === undefined ? {} : { body: text }) }),
      );
    },
    async keyFor(role, advertiserId) {
      return (await keys.create({ name: role, role, advertiserId, expiresMs: null }, 'test')).key;
    },
  };
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Audiences in memory; every non-empty line counts as a user. */
export function createMemoryAudiences(): AudienceStore {
  const kept = new Map<number, { audience: Audience; users: Set<string> }>();
  const entry = (id: number) => {
    const found = kept.get(id);
    return found === undefined ? null : { audience: found.audience, users: found.users.size, matchedUntilMs: null };
  };
  return {
    list: () => [...kept.keys()].map((id) => entry(id)!),
    get: entry,
    async save(audience) {
      kept.set(audience.id, { audience, users: kept.get(audience.id)?.users ?? new Set() });
    },
    remove: async (id) => kept.delete(id),
    async upload(id, mode, body) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      const lines = Buffer.concat(chunks)
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '');
      const users = mode === 'replace' ? new Set<string>() : kept.get(id)!.users;
      for (const line of lines) users[mode === 'remove' ? 'delete' : 'add'](line);
      kept.get(id)!.users = users;
      const counts = { lines: lines.length, accepted: lines.length, rejected: 0, empty: 0, rejections: [] };
      return { audienceId: id, mode, ...counts, users: users.size, durationMs: 1 };
    },
    expire: async () => 0,
    close: async () => undefined,
  };
}
