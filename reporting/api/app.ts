import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { AudienceStore } from '../../core/audience.ts';
import type { EventLog } from '../../core/eventlog.ts';
import type { Tracer } from '../../core/trace.ts';
import { keyRoutes, peopleRoutes, sessionRoutes } from './access.ts';
import { adFileListRoutes } from './adfilelist.ts';
import { type AdFileOptions, adFileRoutes, openShelf } from './adfiles.ts';
import { type Alerts, alertRoutes } from './alerts.ts';
import { audienceRoutes } from './audiences.ts';
import { auditRoutes } from './audit.ts';
import type { BidWatch } from './bidwatch.ts';
import { bulkRoutes } from './bulk.ts';
import { type ApiEnv, authenticate, problemResponse, requestIds, type Services } from './context.ts';
import { entityRoutes } from './entities.ts';
import { funnelRoutes } from './funnel.ts';
import type { Gate } from './gate.ts';
import { idempotent } from './idempotency.ts';
import { liveRoutes } from './live.ts';
import type { LiveBoard } from './liveboard.ts';
import { openApiDocument } from './openapi.ts';
import { type PacingSource, pacingRoutes } from './pacing.ts';
import { previewRoutes } from './preview.ts';
import { Problem } from './problem.ts';
import { limitRate } from './ratelimit.ts';
import { reloadRoutes } from './reload.ts';
import type { ReportRuns } from './reportruns.ts';
import { reportRoutes } from './reports.ts';
import { savedReportRoutes } from './savedreportroutes.ts';
import type { SavedReports } from './savedreports.ts';
import { staticRoutes } from './staticfiles.ts';
import { probeRoutes, type SlaLimits, type StatusSources, statusRoutes } from './status.ts';
import { switchRoutes } from './switches.ts';
import { traced } from './traced.ts';
import { type TrafficBook, trafficRoutes } from './traffic.ts';
import { MAX_MEDIA_BYTES, uploadRoutes } from './uploads.ts';
import { webhookRoutes } from './webhooks.ts';

export interface AppOptions {
  readonly services: Services;
  readonly log: EventLog;
  readonly metrics: Registry;
  readonly pacing: PacingSource | null;
  readonly audiences: AudienceStore | null;
  readonly board: LiveBoard;
  readonly alerts: Pick<Alerts, 'list'>;
  readonly bids: Pick<BidWatch, 'summary'>;
  readonly traffic: Pick<TrafficBook, 'estimate'>;
  readonly status: StatusSources;
  readonly sla: SlaLimits;
  readonly saved: SavedReports;
  readonly runs: ReportRuns;
  readonly adFiles: AdFileOptions;
  /** Limits report queries; shared with the saved reports' runs. */
  readonly gate: Gate;
  readonly staticDir: string;
  readonly version: string;
  readonly sessionLifetimeMs: number;
  readonly isStopping: () => boolean;
  /** Traces requests that are drawn; null: none. */
  readonly tracer: Tracer | null;
  /** Has the configuration read again; null where that can not be done. */
  readonly reload: (() => void) | null;
}

/** The whole API as one Hono app, without a socket. */
export function createApiApp(options: AppOptions): Hono<ApiEnv> {
  const { services, isStopping } = options;
  const app = new Hono<ApiEnv>();
  app.onError((error, c) => problemResponse(error, c, services.logger));
  app.use(requestIds);
  app.use(measured(options.metrics));
  if (options.tracer !== null) app.use(traced(options.tracer));
  // Before the headers that keep other sites out: these are for pages anywhere.
  app.route('/', adFileRoutes(options.adFiles));
  app.use(secureHeaders({ xFrameOptions: false, crossOriginOpenerPolicy: 'same-origin' }));
  const [limitBody, limitMedia] = [limitedTo(services.limits.maxBodyBytes), limitedTo(MAX_MEDIA_BYTES)];
  app.use((c, next) => {
    // Uploads of audiences are streams with a limit of their own.
    if (/\/audiences\/\d+\/users$/.test(c.req.path)) return next();
    return c.req.path === '/api/v1/media' ? limitMedia(c, next) : limitBody(c, next);
  });

  const unready = (): readonly string[] => [
    ...(isStopping() ? ['stopping'] : []),
    ...(services.directory.healthy() ? [] : ['not following the campaigns topic']),
  ];
  app.route('/', probeRoutes({ metrics: options.metrics, version: options.version, unready }));

  const { gate } = options;
  const api = new Hono<ApiEnv>();
  const document = JSON.stringify(openApiDocument());
  api.get('/openapi.json', (c) => c.body(document, 200, { 'content-type': 'application/json' }));
  api.route('/', sessionRoutes(services, options.sessionLifetimeMs));
  api.use(authenticate(services));
  api.use(limitRate(services.limits.maxRequestsPerMinute, services.clock));
  api.use(idempotent(services));
  api.route('/', keyRoutes(services));
  api.route('/', peopleRoutes(services));
  // Before the entities, whose `/campaigns/:id` would take `export` for an id.
  api.route('/', bulkRoutes(services));
  api.route('/', entityRoutes(services));
  api.route('/', auditRoutes(services));
  api.route('/', alertRoutes(options.alerts));
  api.route('/', webhookRoutes(services));
  api.route('/', audienceRoutes(services, options.audiences));
  api.route('/', funnelRoutes(services, options.pacing, gate));
  api.route('/', previewRoutes(services));
  const shelf = openShelf(services, options.adFiles);
  api.route('/', uploadRoutes(shelf));
  api.route('/', adFileListRoutes(services, shelf));
  api.route('/', reportRoutes(services, gate));
  api.route('/', savedReportRoutes(services, options.saved, options.runs));
  api.route('/', trafficRoutes(options.traffic, options.audiences));
  api.route('/', pacingRoutes(options.pacing));
  api.route('/', liveRoutes(services, options.board, isStopping));
  api.route('/', switchRoutes(services));
  api.route('/', reloadRoutes(services, options.reload));
  api.route('/', statusRoutes(services, options.log, options.bids, options.status, options.sla));
  api.all('*', () => {
    throw new Problem(404, 'not_found', 'There is no such resource. See /api/v1/openapi.json.');
  });
  app.route('/api/v1', api);
  app.route('/', staticRoutes(options.staticDir));
  return app;
}

function limitedTo(maxSize: number) {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new Problem(413, 'body_too_large', `A body may have at most ${maxSize} bytes.`);
    },
  });
}

function measured(metrics: Registry) {
  const registers = [metrics];
  const requests = new Counter({
    name: 'evenkeel_api_requests_total',
    help: 'API requests by method and status class',
    labelNames: ['method', 'status'] as const,
    registers,
  });
  const seconds = new Histogram({
    name: 'evenkeel_api_request_seconds',
    help: 'Time to the first byte of an API answer',
    buckets: [0.005, 0.02, 0.05, 0.15, 0.5, 2, 10],
    registers,
  });
  return async (c: { req: { method: string }; res: Response }, next: () => Promise<void>): Promise<void> => {
    const done = seconds.startTimer();
    await next();
    done();
    requests.inc({ method: c.req.method, status: `${Math.floor(c.res.status / 100)}xx` });
  };
}
