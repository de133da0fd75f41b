import { createHmac, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { CodedError, messageOf } from '../../core/errors.ts';
import type { Services } from './context.ts';
import type { Gate } from './gate.ts';
import { nextDue } from './period.ts';
import { reportFile, reportFileTypes } from './reportfile.ts';
import { parseReportQuery, scoped } from './reportquery.ts';
import type { KeptReport, ReportRun, SavedReports } from './savedreports.ts';
import { RETRY_MS, type Webhooks } from './webhooks.ts';

const KEPT_RUNS = 10;
const MAX_FILE_BYTES = 256 * 1024 ** 2;
/** Runs that one round may start; the rest wait for the next. */
const MAX_PER_ROUND = 5;

export interface ReportRuns {
  /** Runs a report now. @throws Problem what a report can be refused with */
  run(report: KeptReport): Promise<ReportRun>;
  /** Runs what is due, one after the other, and sends what waits to be sent. */
  round(): Promise<void>;
  /** The file of a run; null when it is gone. */
  fileOf(report: KeptReport, run: ReportRun): string | null;
  /** Removes a report's files. */
  forget(id: string): Promise<void>;
}

export interface RunOptions {
  readonly services: Pick<Services, 'reports' | 'directory' | 'clock' | 'logger'>;
  readonly saved: SavedReports;
  readonly gate: Gate;
  /** Folder of the files, one folder a report; the last ten runs are kept. */
  readonly dir: string;
  readonly webhooks: Pick<Webhooks, 'post'>;
}

/** Writes saved reports to files, on schedule or when asked, and delivers them. */
export function createReportRuns({ services, saved, gate, dir, webhooks }: RunOptions): ReportRuns {
  const { clock, logger } = services;
  const pathOf = (report: KeptReport, run: { readonly id: string }): string =>
    join(dir, report.id, `${run.id}.${report.format}`);

  const write = async (report: KeptReport, path: string): Promise<number> => {
    const principal = {
      keyId: 'saved-report',
      name: report.name,
      role: 'read_only' as const,
      advertiserId: report.advertiserId,
    };
    const own = () => services.directory.childrenOf('advertiser', report.advertiserId ?? 0);
    const query = scoped(parseReportQuery(new URLSearchParams(report.query), clock.nowMs()), principal, own);
    const chunks = reportFile(services, query, report.format)[Symbol.asyncIterator]();
    const file = await open(`${path}.part`, 'w');
    let bytes = 0;
    try {
      for (let chunk = await gate.run(() => chunks.next()); chunk.done !== true; chunk = await chunks.next()) {
        bytes += chunk.value.length;
        if (bytes > MAX_FILE_BYTES) throw tooLarge();
        await file.write(chunk.value);
      }
    } finally {
      await chunks.return?.();
      await file.close();
    }
    await rename(`${path}.part`, path);
    return bytes;
  };

  const run = async (report: KeptReport): Promise<ReportRun> => {
    const atMs = clock.nowMs();
    const id = `run_${randomBytes(9).toString('base64url')}`;
    await mkdir(join(dir, report.id), { recursive: true });
    const path = pathOf(report, { id });
    let [bytes, error]: [number, string | null] = [0, null];
    try {
      bytes = await write(report, path);
    } catch (thrown) {
      error = messageOf(thrown);
      logger.warn({ report: report.id, error }, 'a saved report could not be written');
      await rm(`${path}.part`, { force: true });
    }
    const delivery =
      error === null && report.deliverTo !== null ? { status: 'waiting' as const, attempts: 0, dueMs: atMs } : null;
    const done: ReportRun = { id, atMs, bytes, error, delivery };
    await update(report.id, (now) => ({ ...now, runs: [done, ...now.runs].slice(0, KEPT_RUNS) }));
    await prune(report.id);
    return done;
  };

  const update = async (id: string, change: (now: KeptReport) => KeptReport): Promise<void> => {
    const now = saved.get(id);
    if (now !== undefined) await saved.put(change(now));
  };

  const prune = async (id: string): Promise<void> => {
    const keep = new Set(saved.get(id)?.runs.map((one) => one.id));
    for (const name of await readdir(join(dir, id)).catch(() => [])) {
      if (!keep.has(name.replace(/\..*$/, ''))) await rm(join(dir, id, name), { force: true });
    }
  };

  const deliver = async (report: KeptReport, one: ReportRun): Promise<void> => {
    const path = pathOf(report, one);
    const ok = await webhooks.post(
      { url: report.deliverTo ?? '', secret: report.secret },
      {
        type: reportFileTypes[report.format],
        headers: { 'x-evenkeel-report': report.id, 'x-evenkeel-run': one.id },
        sign: async (seconds) => {
          const hmac = createHmac('sha256', report.secret).update(`${seconds}.`);
          for await (const chunk of createReadStream(path)) hmac.update(chunk as Buffer);
          return hmac.digest('hex');
        },
        body: () => Readable.toWeb(createReadStream(path)) as ReadableStream,
      },
    );
    const attempts = one.delivery!.attempts + 1;
    const pauseMs = RETRY_MS[attempts - 1];
    const status = ok ? 'delivered' : pauseMs === undefined ? 'given_up' : 'waiting';
    const delivery = { status, attempts, dueMs: clock.nowMs() + (pauseMs ?? 0) } as const;
    await update(report.id, (now) => ({
      ...now,
      runs: now.runs.map((other) => (other.id === one.id ? { ...other, delivery } : other)),
    }));
  };

  return {
    run,
    async round() {
      const nowMs = clock.nowMs();
      const due = saved.list().filter(({ nextMs }) => nextMs !== null && nextMs <= nowMs);
      for (const report of due.sort((a, b) => a.nextMs! - b.nextMs!).slice(0, MAX_PER_ROUND)) {
        const timeZone = new URLSearchParams(report.query).get('timezone') ?? 'UTC';
        const nextMs = report.schedule === null ? null : nextDue(report.schedule, timeZone, nowMs);
        await update(report.id, (now) => ({ ...now, nextMs }));
        await run(report);
      }
      for (const report of saved.list()) {
        for (const one of report.runs) {
          if (one.delivery?.status === 'waiting' && one.delivery.dueMs <= nowMs && report.deliverTo !== null)
            await deliver(report, one);
        }
      }
    },
    fileOf: (report, one) => (one.error === null ? pathOf(report, one) : null),
    async forget(id) {
      await rm(join(dir, id), { recursive: true, force: true });
    },
  };
}

function tooLarge(): CodedError {
  return new CodedError(
    'report_too_large',
    `The file is larger than ${MAX_FILE_BYTES / 1024 ** 2} MB.`,
    'Choose fewer dimensions or a shorter period.',
  );
}
