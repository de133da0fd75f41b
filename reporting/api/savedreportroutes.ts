import { createReadStream, existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { Hono } from 'hono';
import { z } from 'zod';
import { audited } from './audit.ts';
import { checkPrecondition } from './concurrency.ts';
import { type ApiContext, type ApiEnv, jsonBody, requireWriter, type Services } from './context.ts';
import { advertiserFilter, filtersOf, named, nameFilter, pageOf, sortable, yesNo } from './paging.ts';
import { invalidInput, Problem } from './problem.ts';
import { reportFileTypes } from './reportfile.ts';
import type { ReportRuns } from './reportruns.ts';
import { etagOf } from './resources.ts';
import {
  changedReport,
  type KeptReport,
  newSavedReport,
  newSavedReportSchema,
  publicReport,
  type SavedReport,
  type SavedReports,
  savedReportPatchSchema,
} from './savedreports.ts';

const savedFilters = z.object({ advertiserId: advertiserFilter, name: nameFilter, scheduled: yesNo });

/** What its owner chose, without what running it adds. */
function settings(report: KeptReport): object {
  const { runs: _, nextMs: __, ...chosen } = publicReport(report);
  return chosen;
}

/** `/saved-reports`: reports that are kept, run on schedule, and can be fetched as files. */
export function savedReportRoutes(services: Services, saved: SavedReports, runs: ReportRuns): Hono<ApiEnv> {
  const { clock } = services;
  const app = new Hono<ApiEnv>();
  const running = new Set<string>();
  /** An advertiser's are its own; those of all advertisers are the operators'. */
  const sees = (c: ApiContext, report: KeptReport): boolean => {
    const { advertiserId } = c.get('principal');
    return advertiserId === null || report.advertiserId === advertiserId;
  };
  const find = (c: ApiContext): KeptReport => {
    const report = saved.get(c.req.param('id') ?? '');
    if (report === undefined || !sees(c, report)) throw new Problem(404, 'not_found', 'There is no such saved report.');
    return report;
  };
  app.get('/saved-reports', (c) => {
    const { advertiserId, name, scheduled } = filtersOf(c, savedFilters);
    const found = saved
      .list()
      .filter((report) => sees(c, report) && named(report.name, name))
      .filter((report) => advertiserId === undefined || report.advertiserId === advertiserId)
      .filter((report) => scheduled === undefined || (report.schedule !== null) === scheduled)
      .map(publicReport);
    const keyOf = ({ createdMs, id }: SavedReport) => `${sortable(createdMs)}-${id}`;
    return c.json(pageOf(c, found, { keyOf, newestFirst: true }));
  });
  app.post('/saved-reports', async (c) => {
    requireWriter(c.get('principal'));
    const parsed = newSavedReportSchema.safeParse(await jsonBody(c));
    if (!parsed.success) throw invalidInput(parsed.error);
    const report = newSavedReport(saved, parsed.data, c.get('principal'), clock.nowMs());
    const { id, name } = report;
    const change = { kind: 'saved_report', id, name, action: 'create', after: settings(report) } as const;
    await audited(services, c, change, () => saved.put(report));
    // The secret of the signature is told this once, to whoever may set an address.
    const secret = report.deliverTo === null ? {} : { secret: report.secret };
    const location = `/api/v1/saved-reports/${report.id}`;
    return c.json({ ...publicReport(report), ...secret }, 201, { etag: etagOf(report), location });
  });
  app.get('/saved-reports/:id', (c) => {
    const report = find(c);
    return c.json(publicReport(report), 200, { etag: etagOf(report) });
  });
  app.patch('/saved-reports/:id', async (c) => {
    requireWriter(c.get('principal'));
    find(c);
    const parsed = savedReportPatchSchema.safeParse(await jsonBody(c));
    if (!parsed.success) throw invalidInput(parsed.error);
    const before = find(c);
    checkPrecondition(c, before);
    const after = changedReport(before, parsed.data, c.get('principal'), clock.nowMs());
    const settled = { before: settings(before), after: settings(after) };
    const change = { kind: 'saved_report', id: after.id, name: after.name, action: 'update', ...settled } as const;
    await audited(services, c, change, () => saved.put(after));
    return c.json(publicReport(after), 200, { etag: etagOf(after) });
  });
  app.delete('/saved-reports/:id', async (c) => {
    requireWriter(c.get('principal'));
    const report = find(c);
    const { id, name } = report;
    const change = { kind: 'saved_report', id, name, action: 'delete', before: settings(report) } as const;
    await audited(services, c, change, async () => {
      await saved.remove(id);
      await runs.forget(id);
    });
    return c.body(null, 204);
  });
  app.post('/saved-reports/:id/runs', async (c) => {
    requireWriter(c.get('principal'));
    const report = find(c);
    if (running.has(report.id)) throw new Problem(409, 'conflict', 'This report is running already.');
    running.add(report.id);
    try {
      const { id, name } = report;
      const change = { kind: 'saved_report', id, name, action: 'run' } as const;
      return c.json(await audited(services, c, change, () => runs.run(report)), 201);
    } finally {
      running.delete(report.id);
    }
  });
  app.get('/saved-reports/:id/file', (c) => {
    const report = find(c);
    const wanted = c.req.query('run');
    const run = report.runs.find((one) => (wanted === undefined ? one.error === null : one.id === wanted));
    const path = run === undefined ? null : runs.fileOf(report, run);
    if (path === null || !existsSync(path))
      throw new Problem(404, 'not_found', 'There is no such file; run the report first.');
    return c.body(Readable.toWeb(createReadStream(path)) as ReadableStream, 200, {
      'content-type': reportFileTypes[report.format],
      'content-disposition': `attachment; filename="${report.id}.${report.format}"`,
    });
  });
  return app;
}
