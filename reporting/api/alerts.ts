import { Hono } from 'hono';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { REPORT_STEP_MS, type Reports, reportQuerySchema } from '../../core/report.ts';
import { type AlertConfig, campaignFindings, type Finding, type Sample } from './alertrules.ts';
import type { BidWatch } from './bidwatch.ts';
import { type ApiEnv, maySee } from './context.ts';
import type { Directory } from './directory.ts';
import type { LiveBoard, LiveSummary } from './liveboard.ts';
import { filtersOf, pageOf, sortable, yesNo } from './paging.ts';
import type { StatusSources } from './status.ts';

export interface Alert extends Finding {
  readonly id: string;
  readonly sinceMs: number;
  /** null while it lasts. */
  readonly untilMs: number | null;
}

export interface Alerts {
  /** Looks once: opens what is new, closes what is over, and tells `onChange`. */
  look(): Promise<void>;
  /** Lasting ones first, then those that ended today, newest first. */
  list(): readonly Alert[];
}

export interface AlertOptions {
  readonly config: AlertConfig;
  readonly board: LiveBoard;
  readonly directory: Directory;
  readonly reports: Reports;
  readonly bids: Pick<BidWatch, 'summary'>;
  readonly status: StatusSources;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onChange: (alert: Alert) => void;
}

const MAX_SAMPLES = 360;
const MAX_ENDED = 200;
const MAX_FINDINGS = 1000;
const INVALID_WINDOW_MS = 600_000;
const MIN_RECEIVED = 100;
const everybody = { keyId: 'alerts', name: 'alerts', role: 'operator', advertiserId: null } as const;

/** Watches delivery, traffic quality and the pipeline. What it finds lasts until a later look does not find it again. */
export function createAlerts(options: AlertOptions): Alerts {
  const { config, clock, logger } = options;
  const samples = new Map<number, Sample[]>();
  const lasting = new Map<string, Alert>();
  const ended: Alert[] = [];

  const observe = (summary: LiveSummary): readonly Finding[] => {
    const seen = new Set(summary.campaigns.map((campaign) => campaign.id));
    for (const id of samples.keys()) if (!seen.has(id)) samples.delete(id);
    return summary.campaigns.flatMap((campaign) => {
      const own = samples.get(campaign.id) ?? [];
      const { impressions, clicks } = campaign.today;
      // A new day starts the counters again: what was before can not be compared.
      if ((own.at(-1)?.impressions ?? 0) > impressions || campaign.status !== 'active') own.length = 0;
      own.push({ atMs: summary.nowMs, impressions, clicks, state: campaign.pacing?.state ?? '' });
      if (own.length > MAX_SAMPLES) own.shift();
      samples.set(campaign.id, own);
      return campaignFindings(campaign, own, config);
    });
  };

  const settle = (findings: readonly Finding[], nowMs: number): void => {
    const found = new Map(
      findings.slice(0, MAX_FINDINGS).map((finding) => [`${finding.code}:${finding.campaignId ?? ''}`, finding]),
    );
    for (const [id, alert] of lasting) {
      if (found.has(id)) continue;
      lasting.delete(id);
      const over = { ...alert, untilMs: nowMs };
      ended.unshift(over);
      ended.length = Math.min(ended.length, MAX_ENDED);
      options.onChange(over);
    }
    for (const [id, finding] of found) {
      const before = lasting.get(id);
      const alert: Alert = { ...finding, id, sinceMs: before?.sinceMs ?? nowMs, untilMs: null };
      lasting.set(id, alert);
      if (before === undefined) {
        logger.warn({ code: alert.code, campaignId: alert.campaignId }, alert.message);
        options.onChange(alert);
      }
    }
  };

  return {
    async look() {
      const nowMs = clock.nowMs();
      try {
        const summary = await options.board.summary(everybody);
        const findings = [
          ...observe(summary),
          ...rejected(options.directory, summary),
          ...(await invalidTraffic(options, nowMs)),
          ...(await pipeline(options, summary)),
        ];
        settle(findings, nowMs);
      } catch (error) {
        logger.warn({ error: messageOf(error) }, 'could not look for alerts');
        settle(
          [...lasting.values(), operators('reports_late', 'Reports can not be read: the store does not answer.')],
          nowMs,
        );
      }
    },
    list: () => [...[...lasting.values()].sort((a, b) => b.sinceMs - a.sinceMs), ...ended],
  };
}

function operators(code: Finding['code'], message: string): Finding {
  return { code, severity: 'critical', message, campaignId: null, advertiserId: null };
}

function rejected(directory: Directory, summary: LiveSummary): readonly Finding[] {
  const active = new Map(
    summary.campaigns.filter(({ status }) => status === 'active').map((campaign) => [campaign.id, campaign]),
  );
  return [...directory.all('creative')]
    .filter((creative) => creative.approval === 'rejected' && creative.status === 'active')
    .flatMap((creative): Finding[] => {
      const campaignId = directory.get('line_item', creative.lineItemId)?.campaignId ?? 0;
      const campaign = active.get(campaignId);
      if (campaign === undefined) return [];
      const message = `A creative of ${campaign.name} was rejected: ${creative.name}.`;
      return [
        { code: 'creative_rejected', severity: 'warning', message, campaignId, advertiserId: campaign.advertiserId },
      ];
    });
}

async function invalidTraffic(
  { reports, directory, config }: AlertOptions,
  nowMs: number,
): Promise<readonly Finding[]> {
  const toMs = Math.ceil(nowMs / REPORT_STEP_MS) * REPORT_STEP_MS;
  const query = { fromMs: toMs - INVALID_WINDOW_MS, toMs, dimensions: ['campaign'], metrics: ['received', 'invalid'] };
  const { rows } = await reports.query(reportQuerySchema.parse(query));
  return rows.flatMap((row): Finding[] => {
    const campaign = directory.get('campaign', Number(row.dimensions.campaign));
    const received = Number(row.metrics.received ?? 0);
    const percent = received < MIN_RECEIVED ? 0 : Math.round((100 * Number(row.metrics.invalid ?? 0)) / received);
    if (campaign === undefined || percent < config.invalidPercent) return [];
    const message = `${percent} % of the events of ${campaign.name} were invalid in the last ten minutes. They are not billed.`;
    const { id: campaignId, advertiserId } = campaign;
    return [{ code: 'invalid_traffic_jump', severity: 'warning', message, campaignId, advertiserId }];
  });
}

async function pipeline({ bids, status, config }: AlertOptions, summary: LiveSummary): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const ingest = (await status.ingest?.()) as { lag?: unknown } | undefined;
  const lag = Number(ingest?.lag ?? 0);
  if (lag > config.maxLag) found.push(operators('log_lag', `${lag} events wait to be ingested.`));
  const slow = bids.summary().nodes.filter((node) => (node.p99Us ?? 0) > config.maxP99Ms * 1000);
  if (slow.length > 0) {
    const worst = Math.round(Math.max(...slow.map((node) => node.p99Us ?? 0)) / 1000);
    found.push(operators('sla_breach', `p99 of bid answers is ${worst} ms at ${slow.length} bidder(s).`));
  }
  const { nodes } = bids.summary();
  const rate = (field: 'requestsPerSecond' | 'errorsPerSecond') => nodes.reduce((sum, node) => sum + node[field], 0);
  const errorPercent = (100 * rate('errorsPerSecond')) / Math.max(1, rate('requestsPerSecond'));
  if (slow.length === 0 && errorPercent > config.maxErrorPercent)
    found.push(operators('sla_breach', `${errorPercent.toFixed(2)} % of the bid requests are answered with an error.`));
  if (summary.nowMs - summary.readMs > 60_000)
    found.push(operators('reports_late', 'Reports have not been read for a minute.'));
  return found;
}

const alertFilters = z.object({ lasting: yesNo, campaignId: z.coerce.number().int().optional() });

/** `GET /alerts`: what the caller should look at. */
export function alertRoutes(alerts: Pick<Alerts, 'list'>): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/alerts', (c) => {
    const principal = c.get('principal');
    const { lasting, campaignId } = filtersOf(c, alertFilters);
    const found = alerts
      .list()
      .filter((alert) => maySee(principal, alert.advertiserId ?? undefined))
      .filter((alert) => lasting === undefined || (alert.untilMs === null) === lasting)
      .filter((alert) => campaignId === undefined || alert.campaignId === campaignId);
    // Lasting ones first, then those that ended, the latest first.
    const keyOf = ({ id, sinceMs, untilMs }: Alert) =>
      `${untilMs === null ? 1 : 0}${sortable(untilMs ?? sinceMs)}${sortable(sinceMs)}${id}`;
    return c.json(pageOf(c, found, { keyOf, newestFirst: true, limit: 1000 }));
  });
  return app;
}
