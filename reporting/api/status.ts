import { Hono } from 'hono';
import type { Registry } from 'prom-client';
import type { EventLog } from '../../core/eventlog.ts';
import { topicNames } from '../../core/topics.ts';
import type { BidWatch } from './bidwatch.ts';
import { type ApiEnv, requireOperator, type Services } from './context.ts';
import { entityCounts } from './liveboard.ts';

/** What other parts of the process tell the status pages. All optional: a role that does not run says nothing. */
export interface StatusSources {
  /** Plain facts of ingest and store (lag, positions, engine), as JSON. */
  readonly ingest?: () => Promise<unknown>;
}

/** `GET /events/status`: where the log stands and what the view holds. Operators only. */
export function statusRoutes(
  services: Services,
  log: EventLog,
  bids: Pick<BidWatch, 'summary'>,
  sources: StatusSources,
): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
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
      entities: entityCounts(services.directory),
      following: services.directory.healthy(),
    });
  });
  return app;
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
