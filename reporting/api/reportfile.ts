import type { ReportQuery } from '../../core/report.ts';
import type { Services } from './context.ts';
import { csvHeader, csvLine, namesOf } from './csv.ts';

/** Files a report can be had as. */
export const reportFileTypes = {
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
} as const;
export type ReportFormat = keyof typeof reportFileTypes;
export const reportFormats = Object.keys(reportFileTypes) as readonly ReportFormat[];

/**
 * All rows of a report as a file, in chunks: any number of rows in bounded memory. Leaving the loop early cancels.
 * @throws CodedError report_unsupported | store_unavailable | store_busy
 */
export function reportFile(
  { reports, directory }: Pick<Services, 'reports' | 'directory'>,
  query: ReportQuery,
  format: ReportFormat,
): AsyncIterable<Uint8Array> {
  return format === 'parquet' ? reports.parquet(query) : csvFile(reports.stream(query), query, namesOf(directory));
}

async function* csvFile(
  chunks: ReturnType<Services['reports']['stream']>,
  query: ReportQuery,
  names: ReturnType<typeof namesOf>,
): AsyncIterable<Uint8Array> {
  let header = csvHeader(query);
  for await (const rows of chunks) {
    yield Buffer.from(header + rows.map((row) => csvLine(query, row, names)).join(''), 'utf8');
    header = '';
  }
  if (header !== '') yield Buffer.from(header, 'utf8');
}
