import {
  granularities,
  reportDimensionNames,
  reportDimensions,
  reportMetricNames,
  reportMetrics,
} from '../../core/report.ts';
import { integer, type Operation, paging, text, yesNo } from './operation.ts';
import { periods } from './period.ts';
import { reportFormats } from './reportfile.ts';

/** Metrics that need what bidders count. */
const ofBids = reportMetricNames.filter((name) => reportMetrics[name].from !== 'events');
const known = reportDimensionNames.filter((name) => reportDimensions[name].bids);

const reportParameters = {
  from: text(
    'Date in the zone (2026-11-22), instant (2026-11-22T10:00:00Z) or milliseconds. Today’s start unless told.',
  ),
  to: text('The same; a date includes that day. Now unless told.'),
  period: { schema: { type: 'string', enum: periods }, description: 'Instead of from and to: moves with time.' },
  granularity: { schema: { type: 'string', enum: granularities } },
  timezone: text('IANA time zone, UTC unless told.'),
  dimensions: text(
    `Comma-separated: ${reportDimensionNames.join(', ')}. Metrics of bids (${ofBids.join(', ')}) know ${known.join(', ')} alone; with another the answer is \`report_unsupported\`.`,
  ),
  metrics: text(`Comma-separated: ${reportMetricNames.join(', ')}.`),
  filter: text('`campaign:1,2;country:DEU`, repeatable.'),
  order: text('A metric or dimension; with `-` in front from high to low.'),
  limit: integer('Rows at most.'),
  format: { schema: { type: 'string', enum: ['json', ...reportFormats] } },
  totals: { schema: { type: 'boolean' }, description: 'Adds the totals over all rows.' },
  compare: {
    schema: { type: 'string', enum: ['previous'] },
    description:
      'Adds the span of equal length that ended where this one begins: `previous` to each row, `previousTotals` to the totals, columns `previousSpend` … to files.',
  },
};

/** Reports and saved reports. */
export const reportOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/reports',
    tag: 'Reports',
    summary: 'Measure what was delivered',
    query: reportParameters,
    answer: 'Report',
  },
  {
    method: 'get',
    path: '/saved-reports',
    tag: 'Reports',
    summary: 'List saved reports, the newest first',
    query: {
      advertiserId: integer('Only of this advertiser.'),
      name: text('Only with this text in the name.'),
      scheduled: yesNo('Only those with a schedule, or without.'),
      ...paging,
    },
    answer: 'SavedReportList',
  },
  {
    method: 'post',
    path: '/saved-reports',
    tag: 'Reports',
    summary: 'Keep a report, with a schedule if wanted; the secret of deliveries is shown this once',
    body: 'NewSavedReport',
    answer: 'SavedReport',
    status: 201,
  },
  { method: 'get', path: '/saved-reports/{id}', tag: 'Reports', summary: 'Read a saved report', answer: 'SavedReport' },
  {
    method: 'patch',
    path: '/saved-reports/{id}',
    tag: 'Reports',
    summary: 'Change name, query, format, schedule or delivery',
    body: 'SavedReportPatch',
    answer: 'SavedReport',
    guarded: true,
  },
  {
    method: 'delete',
    path: '/saved-reports/{id}',
    tag: 'Reports',
    summary: 'Forget a saved report and its files',
    answer: null,
    status: 204,
  },
  {
    method: 'post',
    path: '/saved-reports/{id}/runs',
    tag: 'Reports',
    summary: 'Run a saved report now',
    answer: 'ReportRun',
    status: 201,
  },
  {
    method: 'get',
    path: '/saved-reports/{id}/file',
    tag: 'Reports',
    summary: 'The file of a run; of the latest unless told',
    query: { run: text('Id of the run.') },
    answer: 'Anything',
  },
];
