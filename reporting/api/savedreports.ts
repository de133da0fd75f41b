import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Documents } from './documents.ts';
import type { Principal } from './keys.ts';
import { nextDue } from './period.ts';
import { invalidField, Problem } from './problem.ts';
import { reportFormats } from './reportfile.ts';
import { parseReportQuery } from './reportquery.ts';

const scheduleSchema = z.strictObject({
  every: z.enum(['hour', 'day', 'week', 'month']),
  /** Hour of the day in the report's zone. */
  hour: z.int().min(0).max(23).default(6),
});
const runSchema = z.strictObject({
  id: z.string(),
  atMs: z.int(),
  bytes: z.int(),
  /** null when it went well. */
  error: z.string().nullable(),
  /** null without `deliverTo`. */
  delivery: z
    .strictObject({ status: z.enum(['waiting', 'delivered', 'given_up']), attempts: z.int(), dueMs: z.int() })
    .nullable(),
});
export type ReportRun = z.infer<typeof runSchema>;

const chosen = {
  name: z.string().trim().min(1).max(100),
  /** What follows `?` in `GET /reports`; with `period`, so that it moves with time. */
  query: z.string().max(4000),
  format: z.enum(reportFormats).default('csv'),
  schedule: scheduleSchema.nullable().default(null),
  /** Where each run is sent as a signed POST (operators alone); null keeps it as a file to fetch. */
  deliverTo: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .nullable()
    .default(null),
};
export const newSavedReportSchema = z.strictObject({ ...chosen, advertiserId: z.int().nullable().default(null) });
export const savedReportPatchSchema = z.strictObject({
  name: chosen.name.optional(),
  query: chosen.query.optional(),
  format: z.enum(reportFormats).optional(),
  schedule: scheduleSchema.nullable().optional(),
  deliverTo: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .nullable()
    .optional(),
});
export const savedReportSchema = z.strictObject({
  id: z.string(),
  advertiserId: z.int().nullable(),
  ...chosen,
  createdMs: z.int(),
  createdBy: z.string(),
  /** When it runs next; null without a schedule. */
  nextMs: z.int().nullable(),
  /** The latest first. */
  runs: z.array(runSchema),
  version: z.int(),
});
export type SavedReport = z.infer<typeof savedReportSchema>;
const keptSchema = savedReportSchema.extend({ secret: z.string() });
export type KeptReport = z.infer<typeof keptSchema>;

const MAX_SAVED = 1000;
const MAX_OWN = 100;

export interface SavedReports {
  list(): readonly KeptReport[];
  get(id: string): KeptReport | undefined;
  /** Keeps a new state. Resolves when durable; visible at once. */
  put(report: KeptReport): Promise<void>;
  remove(id: string): Promise<void>;
}

/** The saved reports of all tenants, in memory and durable. */
export function createSavedReports(documents: Documents): SavedReports {
  const reports = new Map<string, KeptReport>();
  for (const { value } of documents.list('saved_report', { limit: MAX_SAVED })) {
    const parsed = keptSchema.safeParse(value);
    if (parsed.success) reports.set(parsed.data.id, parsed.data);
  }
  return {
    list: () => [...reports.values()],
    get: (id) => reports.get(id),
    async put(report) {
      reports.set(report.id, report);
      await documents.put('saved_report', report.id, report);
    },
    async remove(id) {
      reports.delete(id);
      await documents.remove('saved_report', id);
    },
  };
}

/** What its owner sees: everything but the secret. */
export function publicReport({ secret: _, ...report }: KeptReport): SavedReport {
  return report;
}

/**
 * A report to keep, checked.
 * @throws Problem invalid_field | forbidden | conflict
 */
export function newSavedReport(
  saved: SavedReports,
  wanted: z.infer<typeof newSavedReportSchema>,
  principal: Principal,
  nowMs: number,
): KeptReport {
  const { advertiserId } = principal;
  if (advertiserId !== null && wanted.advertiserId !== null && wanted.advertiserId !== advertiserId) {
    throw invalidField('advertiserId', 'must be your own');
  }
  const owner = advertiserId ?? wanted.advertiserId;
  const own = saved.list().filter((report) => report.advertiserId === owner);
  if (own.length >= MAX_OWN || saved.list().length >= MAX_SAVED)
    throw new Problem(409, 'conflict', `There can be ${MAX_OWN} saved reports. Delete one that is not needed.`);
  const report: KeptReport = {
    ...wanted,
    id: `rep_${randomBytes(9).toString('base64url')}`,
    advertiserId: owner,
    createdMs: nowMs,
    createdBy: principal.name,
    nextMs: null,
    runs: [],
    version: 1,
    secret: randomBytes(32).toString('base64url'),
  };
  return checked(report, principal, nowMs);
}

/** A changed report, with its next run. @throws Problem invalid_field | forbidden */
export function changedReport(
  before: KeptReport,
  change: z.infer<typeof savedReportPatchSchema>,
  principal: Principal,
  nowMs: number,
): KeptReport {
  const set = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  return checked({ ...before, ...set, version: before.version + 1 }, principal, nowMs);
}

function checked(report: KeptReport, principal: Principal, nowMs: number): KeptReport {
  if (report.deliverTo !== null && principal.role !== 'operator') {
    const detail = 'deliverTo: only an operator may make this server call an address.';
    throw new Problem(403, 'forbidden', { detail, field: 'deliverTo' });
  }
  const params = new URLSearchParams(report.query);
  const { timeZone } = parseReportQuery(params, nowMs);
  if (report.schedule !== null && params.get('period') === null) {
    throw invalidField('query', 'needs a period (such as period=yesterday), so that each run has a span of its own');
  }
  return { ...report, nextMs: report.schedule === null ? null : nextDue(report.schedule, timeZone, nowMs) };
}
