import { mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { AudienceStore } from '../../core/audience.ts';
import type { Clock } from '../../core/clock.ts';
import { CodedError, codeOf, messageOf } from '../../core/errors.ts';
import type { EventLog } from '../../core/eventlog.ts';
import type { Random } from '../../core/random.ts';
import type { Reports } from '../../core/report.ts';
import type { Tracer } from '../../core/trace.ts';
import { within } from '../../core/within.ts';
import { type AlertConfig, alertDefaults } from './alertrules.ts';
import { createAlerts } from './alerts.ts';
import { createApiApp } from './app.ts';
import { watchBids } from './bidwatch.ts';
import type { ApiLimits, Services } from './context.ts';
import { openDirectory } from './directory.ts';
import { createGate } from './gate.ts';
import { createKeyRing } from './keys.ts';
import { createLiveBoard } from './liveboard.ts';
import { createLmdbDocuments } from './lmdbdocuments.ts';
import type { PacingSource } from './pacing.ts';
import { createPeople } from './people.ts';
import { createReportRuns } from './reportruns.ts';
import { createSavedReports } from './savedreports.ts';
import { createSessions } from './sessions.ts';
import type { StatusSources } from './status.ts';
import { createTrafficBook } from './traffic.ts';
import { createWebhooks } from './webhooks.ts';

export interface ApiConfig {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Folder of the API's own database (keys, sessions, audit log); created when missing. */
  readonly dataDir: string;
  /** Folder of the built dashboard (`dist/dashboard`). */
  readonly staticDir: string;
  /** Works as an operator key without being stored; null when there is none. At least 16 characters. */
  readonly bootstrapOperatorKey: string | null;
  readonly version: string;
  /** Where the world reaches this server's `/files`, for images of ads; absent: the address of the upload. */
  readonly publicUrl?: string | null;
  /** How long a browser login lasts, ms. Default 12 hours. */
  readonly sessionLifetimeMs?: number;
  readonly limits?: Partial<ApiLimits>;
  /** ISO-4217 codes that bidders have a rate for. Default: US dollars alone. */
  readonly currencies?: readonly string[];
  /** When to raise alerts; see `alertDefaults`. */
  readonly alerts?: Partial<AlertConfig>;
}

export interface ApiDeps {
  readonly log: EventLog;
  readonly reports: Reports;
  /** null when no pacer can be asked. */
  readonly pacing: PacingSource | null;
  /** null or absent when this process keeps no audiences. */
  readonly audiences?: AudienceStore | null;
  readonly status?: StatusSources;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Registry;
  /** Traces requests that are drawn; null or absent: none. */
  readonly tracer?: Tracer | null;
  /** Has the configuration read again, here and wherever else it can. */
  readonly reload?: () => void;
}

export interface ApiServer {
  /** `http://127.0.0.1:8090` */
  readonly url: string;
  readonly port: number;
  /** For use inside the process: keys can be created here. */
  readonly services: Services;
  /** Stops accepting, ends live streams, waits for answers in flight (at most 5 s), closes the database. */
  close(): Promise<void>;
}

const defaultApiLimits: ApiLimits = {
  maxBodyBytes: 1_048_576,
  maxUploadBytes: 1_073_741_824,
  maxEntities: 500_000,
  maxAdFilesBytes: 10_737_418_240,
  maxStreams: 200,
  maxReportRows: 50_000,
  maxConcurrentReports: 4,
  maxRequestsPerMinute: 1200,
};
const CLOSE_WITHIN_MS = 5000;
const ROUNDS_WITHIN_MS = 1500;
const ALERTS_EVERY_MS = 10_000;
const MAX_CONNECTIONS = 2000;
/** Headers come at once or not at all; a body may take as long as an upload of an audience does. */
const SLOW_CLIENTS = { headersTimeout: 10_000, requestTimeout: 300_000, connectionsCheckingInterval: 2_000 } as const;

/**
 * Starts the report API and dashboard. Resolves when the campaigns view is complete and the port is open.
 * @throws CodedError api_port_taken
 */
export async function startApi(config: ApiConfig, deps: ApiDeps): Promise<ApiServer> {
  const { log, clock, logger } = deps;
  mkdirSync(config.dataDir, { recursive: true });
  const documents = createLmdbDocuments(join(config.dataDir, 'api.lmdb'));
  const directory = await openDirectory({
    log,
    logger,
    confirmWithinMs: 5000,
    maxWaitingWriters: 256,
    ...(config.currencies === undefined ? {} : { currencies: config.currencies }),
  });
  const keys = createKeyRing({ documents, clock, bootstrapOperatorKey: config.bootstrapOperatorKey });
  const lifetimeMs = config.sessionLifetimeMs ?? 12 * 3_600_000;
  const people = createPeople({ documents, clock });
  const sessions = createSessions({ documents, clock, keys, people, lifetimeMs });
  const limits = { ...defaultApiLimits, ...config.limits };
  const services: Services = { ...deps, directory, documents, keys, sessions, people, limits };
  const traffic = createTrafficBook();
  const bids = await watchBids(log, clock, logger, traffic.add);
  const board = createLiveBoard(directory, deps.reports, deps.pacing, clock);
  const status = deps.status ?? {};
  const webhooks = createWebhooks({ documents, clock, logger, metrics: deps.metrics, fetch });
  const gate = createGate(limits.maxConcurrentReports, limits.maxConcurrentReports * 16);
  const saved = createSavedReports(documents);
  const runs = createReportRuns({ services, saved, gate, dir: join(config.dataDir, 'reports'), webhooks });
  const alertConfig = { ...alertDefaults, ...config.alerts };
  const onChange = webhooks.send;
  const alerts = createAlerts({
    config: alertConfig,
    board,
    directory,
    reports: deps.reports,
    bids,
    status,
    clock,
    logger,
    onChange,
  });
  const rounds = repeat(ALERTS_EVERY_MS, async () => {
    await alerts.look();
    await webhooks.deliver();
  });
  const schedules = repeat(ALERTS_EVERY_MS, () => runs.round());
  let stopping = false;
  const app = createApiApp({
    tracer: deps.tracer ?? null,
    reload: deps.reload ?? null,
    services,
    log,
    metrics: deps.metrics,
    pacing: deps.pacing,
    audiences: deps.audiences ?? null,
    board,
    alerts,
    bids,
    traffic,
    saved,
    runs,
    gate,
    adFiles: { dir: join(config.dataDir, 'images'), publicUrl: config.publicUrl ?? null },
    status,
    sla: { p99Ms: alertConfig.maxP99Ms, errorPercent: alertConfig.maxErrorPercent, lagRecords: alertConfig.maxLag },
    staticDir: config.staticDir,
    version: config.version,
    sessionLifetimeMs: lifetimeMs,
    isStopping: () => stopping,
  });
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions: SLOW_CLIENTS }) as Server;
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, config)));
    server.listen(config.port, config.host, resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://${config.host}:${port}`,
    port,
    services,
    async close() {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const cut = setTimeout(() => {
        server.closeAllConnections();
      }, CLOSE_WITHIN_MS);
      server.closeIdleConnections();
      await closed;
      clearTimeout(cut);
      // A slow store must not keep the process from stopping; the store waits for what is under way when it is closed.
      await within(ROUNDS_WITHIN_MS, Promise.all([rounds.stop(), schedules.stop()]));
      await bids.stop();
      await directory.stop();
      await documents.close();
    },
  };
}

/** Runs a task again and again with a pause between; a round never overlaps the next. */
function repeat(everyMs: number, task: () => Promise<void>): { stop(): Promise<void> } {
  let running = Promise.resolve();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = task().finally(() => {
      busy = false;
    });
  }, everyMs);
  return {
    stop: () => {
      clearInterval(timer);
      return running;
    },
  };
}

function listenError(error: unknown, config: ApiConfig): CodedError {
  return codeOf(error) === 'EADDRINUSE'
    ? new CodedError(
        'api_port_taken',
        `Port ${config.port} of ${config.host} is in use.`,
        'Choose another with --api-port.',
        error,
      )
    : new CodedError('api_listen_failed', messageOf(error), 'Check the host and port of the API.', error);
}
