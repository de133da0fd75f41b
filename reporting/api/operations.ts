import { audienceUploadModes } from '../../core/audience.ts';
import { granularities, reportDimensionNames, reportMetricNames } from '../../core/report.ts';
import { entityKinds } from './directory.ts';
import { periods } from './period.ts';
import { reportFormats } from './reportfile.ts';
import { resources } from './resources.ts';

export type Json = Record<string, unknown>;

/** One operation of the API: what its description and its generated tests are made from. */
export interface Operation {
  readonly method: 'get' | 'post' | 'patch' | 'put' | 'delete';
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly query?: Readonly<Record<string, Json>>;
  /** Schema name of the body. */
  readonly body?: string;
  /** Media type of the body; JSON unless told. */
  readonly bodyType?: string;
  /** Schema name of the answer; null for 204. */
  readonly answer: string | null;
  readonly status?: number;
  /** Needs If-Match. */
  readonly guarded?: boolean;
  readonly open?: boolean;
}

const text = (description: string): Json => ({ schema: { type: 'string' }, description });
const integer = (description: string): Json => ({ schema: { type: 'integer' }, description });
const paging = {
  limit: integer('Items per page, 1–1000; 100 unless told.'),
  cursor: text('`nextCursor` of the page before.'),
};

const tagOf = {
  advertiser: 'Advertisers',
  campaign: 'Campaigns',
  line_item: 'Line items',
  creative: 'Creatives',
} as const;
/** Names of the entities’ schemas. */
export const schemaOf = {
  advertiser: 'Advertiser',
  campaign: 'Campaign',
  line_item: 'LineItem',
  creative: 'Creative',
} as const;

function entityOperations(): readonly Operation[] {
  return entityKinds.flatMap((kind): readonly Operation[] => {
    const { path } = resources[kind];
    const [tag, schema] = [tagOf[kind], schemaOf[kind]];
    const thing = tag.toLowerCase();
    const filters = {
      advertiserId: integer('Only below this advertiser.'),
      campaignId: integer('Only below this campaign.'),
      lineItemId: integer('Only below this line item.'),
      status: text('Only with this status.'),
      name: text('Only with this text in the name.'),
    };
    return [
      {
        method: 'get',
        path: `/${path}`,
        tag,
        summary: `List ${thing}`,
        query: { ...filters, ...paging },
        answer: `${schema}List`,
      },
      {
        method: 'post',
        path: `/${path}`,
        tag,
        summary: `Create one of the ${thing}`,
        body: `New${schema}`,
        answer: schema,
        status: 201,
      },
      { method: 'get', path: `/${path}/{id}`, tag, summary: `Read one of the ${thing}`, answer: schema },
      {
        method: 'patch',
        path: `/${path}/{id}`,
        tag,
        summary: 'Change some fields (JSON merge patch)',
        body: `${schema}Patch`,
        answer: schema,
        guarded: true,
      },
    ];
  });
}

const reportParameters = {
  from: text(
    'Date in the zone (2026-11-22), instant (2026-11-22T10:00:00Z) or milliseconds. Today’s start unless told.',
  ),
  to: text('The same; a date includes that day. Now unless told.'),
  period: { schema: { type: 'string', enum: periods }, description: 'Instead of from and to: moves with time.' },
  granularity: { schema: { type: 'string', enum: granularities } },
  timezone: text('IANA time zone, UTC unless told.'),
  dimensions: text(`Comma-separated: ${reportDimensionNames.join(', ')}.`),
  metrics: text(`Comma-separated: ${reportMetricNames.join(', ')}.`),
  filter: text('`campaign:1,2;country:DEU`, repeatable.'),
  order: text('A metric or dimension; with `-` in front from high to low.'),
  limit: integer('Rows at most.'),
  format: { schema: { type: 'string', enum: ['json', ...reportFormats] } },
  totals: { schema: { type: 'boolean' }, description: 'Adds the totals over all rows.' },
  compare: {
    schema: { type: 'string', enum: ['previous'] },
    description: 'With totals: adds those of the span before.',
  },
};

const savedReportOperations: readonly Operation[] = [
  { method: 'get', path: '/saved-reports', tag: 'Reports', summary: 'List saved reports', answer: 'SavedReportList' },
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

/** Everything the API answers under /api/v1: what the document is made of and what its tests walk through. */
export const operations: readonly Operation[] = [
  {
    method: 'post',
    path: '/session',
    tag: 'Access',
    summary: 'Log a browser in',
    body: 'Login',
    answer: 'Me',
    status: 201,
    open: true,
  },
  {
    method: 'delete',
    path: '/session',
    tag: 'Access',
    summary: 'Log the browser out',
    answer: null,
    status: 204,
    open: true,
  },
  { method: 'get', path: '/me', tag: 'Access', summary: 'Who this key belongs to', answer: 'Me' },
  { method: 'get', path: '/keys', tag: 'Access', summary: 'List API keys (operators)', answer: 'KeyList' },
  {
    method: 'post',
    path: '/keys',
    tag: 'Access',
    summary: 'Create an API key, shown this once (operators)',
    body: 'NewKey',
    answer: 'CreatedKey',
    status: 201,
  },
  { method: 'delete', path: '/keys/{id}', tag: 'Access', summary: 'Revoke an API key (operators)', answer: 'Key' },
  {
    method: 'get',
    path: '/users',
    tag: 'Access',
    summary: 'Who may log in by password (operators)',
    answer: 'UserList',
  },
  {
    method: 'post',
    path: '/users',
    tag: 'Access',
    summary: 'Let somebody log in by e-mail and password (operators)',
    body: 'NewUser',
    answer: 'User',
    status: 201,
  },
  {
    method: 'delete',
    path: '/users/{id}',
    tag: 'Access',
    summary: 'Take a login away, by e-mail (operators)',
    answer: null,
    status: 204,
  },
  ...entityOperations(),
  {
    method: 'get',
    path: '/campaigns/export',
    tag: 'Campaigns',
    summary: 'All campaigns with what is below them, as JSON or CSV',
    query: {
      advertiserId: integer('Only of this advertiser.'),
      format: { schema: { type: 'string', enum: ['json', 'csv'] } },
    },
    answer: 'Anything',
  },
  {
    method: 'post',
    path: '/campaigns/import',
    tag: 'Campaigns',
    summary: 'Create many campaigns, all or none, from JSON or CSV',
    query: { dryRun: { schema: { type: 'boolean' }, description: 'Only says what would happen.' } },
    body: 'CampaignImport',
    answer: 'ImportResult',
  },
  {
    method: 'get',
    path: '/campaigns/{id}/hindrances',
    tag: 'Campaigns',
    summary: 'What keeps the campaign from delivering',
    answer: 'HindranceList',
  },
  {
    method: 'get',
    path: '/campaigns/{id}/funnel',
    tag: 'Campaigns',
    summary: 'Where traffic is lost on its way to an impression, and the sentence that says why',
    query: { hours: integer('How far back, 1–168; 1 unless told.') },
    answer: 'Funnel',
  },
  {
    method: 'post',
    path: '/images',
    tag: 'Creatives',
    summary: 'Upload the image of an ad (the bytes, at most 512 KB), for a creative to name',
    body: 'Image',
    bodyType: 'image/*',
    answer: 'UploadedImage',
    status: 201,
  },
  {
    method: 'get',
    path: '/creatives/{id}/preview',
    tag: 'Creatives',
    summary: 'The ad as HTML, for a sandboxed frame',
    answer: 'Anything',
  },
  {
    method: 'get',
    path: '/campaigns/{id}/history',
    tag: 'Campaigns',
    summary: 'Who changed what, newest first',
    query: paging,
    answer: 'AuditList',
  },
  {
    method: 'get',
    path: '/audit',
    tag: 'Operations',
    summary: 'All changes, newest first (operators)',
    query: paging,
    answer: 'AuditList',
  },
  { method: 'get', path: '/audiences', tag: 'Audiences', summary: 'List audiences', answer: 'AudienceList' },
  {
    method: 'post',
    path: '/audiences',
    tag: 'Audiences',
    summary: 'Create an audience',
    body: 'NewAudience',
    answer: 'Audience',
    status: 201,
  },
  { method: 'get', path: '/audiences/{id}', tag: 'Audiences', summary: 'Read an audience', answer: 'Audience' },
  {
    method: 'patch',
    path: '/audiences/{id}',
    tag: 'Audiences',
    summary: 'Rename, pause or activate',
    body: 'AudiencePatch',
    answer: 'Audience',
    guarded: true,
  },
  {
    method: 'delete',
    path: '/audiences/{id}',
    tag: 'Audiences',
    summary: 'Forget an audience and its users',
    answer: null,
    status: 204,
  },
  {
    method: 'post',
    path: '/audiences/{id}/users',
    tag: 'Audiences',
    summary: 'Add, remove or replace users: one hash a line, streamed',
    query: { mode: { schema: { type: 'string', enum: audienceUploadModes } } },
    answer: 'AudienceUpload',
  },
  {
    method: 'get',
    path: '/reports',
    tag: 'Reports',
    summary: 'Measure what was delivered',
    query: reportParameters,
    answer: 'Report',
  },
  ...savedReportOperations,
  {
    method: 'post',
    path: '/traffic/estimate',
    tag: 'Reports',
    summary: 'What a targeting would meet: requests a day and people, from the traffic of the last day',
    body: 'TrafficQuestion',
    answer: 'TrafficEstimate',
  },
  {
    method: 'get',
    path: '/pacing',
    tag: 'Reports',
    summary: 'How every budget is paced and why',
    query: { campaignId: integer('Only this campaign.') },
    answer: 'PacingList',
  },
  { method: 'get', path: '/live', tag: 'Reports', summary: 'Today’s numbers of all campaigns', answer: 'Live' },
  {
    method: 'get',
    path: '/live/events',
    tag: 'Reports',
    summary: 'The same every second, as server-sent events',
    answer: 'Live',
  },
  {
    method: 'get',
    path: '/switches',
    tag: 'Operations',
    summary: 'Kill switches, with reasons (operators)',
    answer: 'SwitchList',
  },
  {
    method: 'put',
    path: '/switches/{id}',
    tag: 'Operations',
    summary: 'Stop or resume bidding: all, exchange:NAME, advertiser:ID or campaign:ID (operators)',
    body: 'SwitchChange',
    answer: 'Switch',
  },
  { method: 'get', path: '/alerts', tag: 'Reports', summary: 'What needs a look', answer: 'AlertList' },
  {
    method: 'get',
    path: '/webhooks',
    tag: 'Operations',
    summary: 'Where alerts are sent (operators)',
    answer: 'WebhookList',
  },
  {
    method: 'post',
    path: '/webhooks',
    tag: 'Operations',
    summary: 'Send alerts somewhere, signed; the secret is shown this once (operators)',
    body: 'NewWebhook',
    answer: 'Webhook',
    status: 201,
  },
  {
    method: 'delete',
    path: '/webhooks/{id}',
    tag: 'Operations',
    summary: 'Stop sending alerts there (operators)',
    answer: null,
    status: 204,
  },
  {
    method: 'get',
    path: '/events/status',
    tag: 'Operations',
    summary: 'Where log and ingest stand (operators)',
    answer: 'EventsStatus',
  },
  { method: 'get', path: '/openapi.json', tag: 'Operations', summary: 'This document', answer: 'Anything', open: true },
];
