import { Hono } from 'hono';
import type { Registry } from 'prom-client';
import { codeOf, messageOf } from '../../core/errors.ts';
import type { EventLog } from '../../core/eventlog.ts';
import type { StoreHealth } from '../../core/storehealth.ts';
import { topicNames } from '../../core/topics.ts';
import type { BidWatch } from './bidwatch.ts';
import { type ApiEnv, requireOperator, type Services } from './context.ts';
import { entityCounts } from './liveboard.ts';

/** What other parts of the process tell the status pages. All optional: a role that does not run says nothing. */
export interface StatusSources {
  /** Plain facts of ingest and store (lag, positions, engine), as JSON. */
  readonly ingest?: () => Promise<unknown>;
  /** How the store is doing. */
  readonly store?: () => Promise<StoreHealth>;
}

/** What operators promise, from the configuration: what the page marks and the alert `sla_breach` goes by. */
export interface SlaLimits {
  /** Of the answers inside the bid server, ms. */
  readonly p99Ms: number;
  /** Bid requests answered with an error, percent. */
  readonly errorPercent: number;
  /** Records of the log that wait to be ingested. */
  readonly lagRecords: number;
}

/** How old a look at the store may be, ms: the page asks every other second. */
const STORE_AGE_MS = 5000;

/** `GET /events/status`: where the log stands and what the view holds. Operators only. */
export function statusRoutes(
  services: Services,
  log: EventLog,
  bids: Pick<BidWatch, 'summary'>,
  sources: StatusSources,
  sla: SlaLimits,
): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const store = rememberedStore(sources, services);
  app.get('/events/status', async (c) => {
    requireOperator(c.get('principal'));
    const topics = await Promise.all(
      topicNames.map(async (topic) => {
        const partitions = await log.bounds(topic);
        return { topic, records: partitions.reduce((sum, p) => sum + p.end - p.first, 0), partitions };
      }),
    );
    const ingest = (await sources.ingest?.()) ?? null;
    return c.json({
      nowMs: services.clock.nowMs(),
      topics,
      bidding: bids.summary(),
      ingest,
      store: await store(),
      sla,
      entities: entityCounts(services.directory),
      following: services.directory.healthy(),
    });
  });
  return app;
}

type StoreStatus = StoreHealth | { readonly error: { readonly code: string; readonly message: string } };

/** Asks the store at most every five seconds; what it can not say is said. null: this process has none. */
function rememberedStore(
  { store }: StatusSources,
  { clock }: Pick<Services, 'clock'>,
): () => Promise<StoreStatus | null> {
  let latest: { atMs: number; status: Promise<StoreStatus> } | null = null;
  return async () => {
    if (store === undefined) return null;
    if (latest === null || clock.nowMs() - latest.atMs >= STORE_AGE_MS) {
      const status = store().catch((error: unknown) => ({
        error: { code: String(codeOf(error) ?? 'unexpected'), message: messageOf(error) },
      }));
      latest = { atMs: clock.nowMs(), status };
    }
    return latest.status;
  };
}

export interface ProbeOptions {
  readonly metrics: Registry;
  readonly version: string;
  /** Reasons why this server should get no traffic; empty when ready. */
  readonly unready: () => readonly string[];
}

/** `/healthz/live`, `/healthz/ready`, `/metrics` and `/version`: open to whoever can reach the port. */
export function probeRoutes({ metrics, version, unready }: ProbeOptions): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/healthz/live', (c) => c.json({ status: 'ok' }));
  app.get('/healthz/ready', (c) => {
    const reasons = unready();
    return reasons.length === 0 ? c.json({ status: 'ok' }) : c.json({ status: 'unready', reasons }, 503);
  });
  app.get('/metrics', async (c) => c.body(await metrics.metrics(), 200, { 'content-type': metrics.contentType }));
  app.get('/version', (c) => c.json({ name: 'evenkeel', version, node: process.version }));
  return app;
}
