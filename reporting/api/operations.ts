import { audienceUploadModes } from '../../core/audience.ts';
import { auditEntrySchema } from './audit.ts';
import { creativeOperations } from './creativeoperations.ts';
import { entityKinds } from './directory.ts';
import { roles } from './keys.ts';
import { integer, type Operation, paging, text, yesNo } from './operation.ts';
import { reportOperations } from './reportoperations.ts';
import { resources } from './resources.ts';

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

const peopleFilters = {
  advertiserId: integer('Only for this advertiser.'),
  role: { schema: { type: 'string', enum: roles } },
  name: text('Only with this text in the name.'),
};
const auditQuery = {
  kind: {
    schema: { type: 'string', enum: auditEntrySchema.shape.kind.options },
    description: 'Only changes of these.',
  },
  entityId: text('Only changes of the one with this id.'),
  actor: text('Only by this key (its id), or `user:` and an e-mail.'),
  ...paging,
};

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
  {
    method: 'get',
    path: '/keys',
    tag: 'Access',
    summary: 'List API keys (operators)',
    query: { ...peopleFilters, active: yesNo('Only keys that work, or only those that do not.'), ...paging },
    answer: 'KeyList',
  },
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
    query: { ...peopleFilters, ...paging },
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
  ...creativeOperations,
  {
    method: 'get',
    path: '/campaigns/{id}/history',
    tag: 'Campaigns',
    summary: 'Who changed what, newest first',
    query: auditQuery,
    answer: 'AuditList',
  },
  {
    method: 'get',
    path: '/audit',
    tag: 'Operations',
    summary: 'All changes of everything, newest first (operators)',
    query: auditQuery,
    answer: 'AuditList',
  },
  {
    method: 'get',
    path: '/audiences',
    tag: 'Audiences',
    summary: 'List audiences',
    query: {
      advertiserId: integer('Only of this advertiser.'),
      status: text('Only with this status.'),
      name: text('Only with this text in the name.'),
      ...paging,
    },
    answer: 'AudienceList',
  },
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
  ...reportOperations,
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
    query: { campaignId: integer('Only this campaign.'), ...paging },
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
    query: { on: yesNo('Only those that are on, or off.'), ...paging },
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
  {
    method: 'get',
    path: '/alerts',
    tag: 'Reports',
    summary: 'What needs a look',
    query: {
      lasting: yesNo('Only what lasts, or only what is over.'),
      campaignId: integer('Only of this campaign.'),
      ...paging,
    },
    answer: 'AlertList',
  },
  {
    method: 'post',
    path: '/reload',
    tag: 'Operations',
    summary: 'Read the configuration again: exchanges, limits, log level (operators)',
    answer: 'Anything',
    status: 202,
  },
  {
    method: 'get',
    path: '/webhooks',
    tag: 'Operations',
    summary: 'Where alerts are sent (operators)',
    query: paging,
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
