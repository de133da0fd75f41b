import { Hono } from 'hono';
import { stream } from 'hono/streaming';
import type { ReportQuery, ReportRow } from '../../core/report.ts';
import type { ApiEnv, Services } from './context.ts';
import { type Names, namesOf } from './csv.ts';
import type { Directory } from './directory.ts';
import type { Gate } from './gate.ts';
import { invalidField } from './problem.ts';
import { type ReportFormat, reportFile, reportFileTypes, reportFormats } from './reportfile.ts';
import { parseReportQuery, scoped } from './reportquery.ts';

/** `GET /reports`. */
export function reportRoutes(services: Services, gate: Gate): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/reports', async (c) => {
    const params = new URL(c.req.url).searchParams;
    const principal = c.get('principal');
    const own = () => services.directory.childrenOf('advertiser', principal.advertiserId ?? 0);
    const query = scoped(parseReportQuery(params, services.clock.nowMs()), principal, own);
    const format = params.get('format') ?? 'json';
    if (format === 'json') {
      const limited = {
        ...query,
        limit: Math.min(query.limit ?? services.limits.maxReportRows, services.limits.maxReportRows),
      };
      return c.json(await answer(services, gate, limited, params));
    }
    if (!isFileFormat(format)) throw invalidField('format', `must be json, ${reportFormats.join(' or ')}`);
    const chunks = reportFile(services, query, format)[Symbol.asyncIterator]();
    // The first chunk is fetched before the status is sent, so that a refused query is a problem and not a broken file.
    let chunk = await gate.run(() => chunks.next());
    c.header('content-type', reportFileTypes[format]);
    c.header('content-disposition', `attachment; filename="evenkeel-report.${format}"`);
    return stream(c, async (out) => {
      out.onAbort(() => void chunks.return?.());
      while (chunk.done !== true && !out.aborted) {
        await out.write(chunk.value);
        chunk = await chunks.next();
      }
    });
  });
  return app;
}

function isFileFormat(format: string): format is ReportFormat {
  return (reportFormats as readonly string[]).includes(format);
}

async function answer(services: Services, gate: Gate, query: ReportQuery, params: URLSearchParams): Promise<unknown> {
  const run = (asked: ReportQuery) => gate.run(() => services.reports.query(asked));
  const { rows, truncated } = await run(query);
  const body: Record<string, unknown> = {
    query,
    currency: currencyOf(services.directory, query),
    rows: rows.map((row) => flat(query, row, namesOf(services.directory))),
    truncated,
  };
  if (params.get('totals') === 'true') {
    const whole: ReportQuery = { ...query, dimensions: [], granularity: 'none', orderBy: null, limit: null };
    const [total] = (await run(whole)).rows;
    body.totals = total?.metrics ?? {};
    if (query.compare !== null) body.previousTotals = total?.previous ?? {};
  }
  return body;
}

function flat(query: ReportQuery, row: ReportRow, names: Names): Record<string, unknown> {
  const time = query.granularity === 'none' ? {} : { time: new Date(row.timeMs).toISOString(), timeMs: row.timeMs };
  const named: Record<string, string> = {};
  for (const dimension of query.dimensions) {
    const name = names(dimension, row.dimensions[dimension]);
    if (name !== null) named[`${dimension}Name`] = name;
  }
  const previous = row.previous === undefined ? {} : { previous: row.previous };
  return { ...time, ...row.dimensions, ...named, ...row.metrics, ...previous };
}

/** The currency that all money in a report is in; null when its advertisers use different ones. */
function currencyOf(directory: Directory, query: ReportQuery): string | null {
  const { advertiser, campaign } = query.filter;
  const currencies = new Set<string>();
  const owners = campaign?.map((id) => directory.get('campaign', Number(id))?.advertiserId);
  for (const entity of directory.all('advertiser')) {
    if (advertiser !== undefined && !advertiser.includes(entity.id)) continue;
    if (owners === undefined || owners.includes(entity.id)) currencies.add(entity.currency);
  }
  return currencies.size === 1 ? [...currencies][0]! : null;
}
