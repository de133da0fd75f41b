import { z } from 'zod';
import { audienceSchema, audienceUploadModes, audienceUploadSchema } from '../../core/audience.ts';
import { pacingStatusSchema } from '../../core/pacingstatus.ts';
import { granularities, reportDimensionNames, reportMetricNames } from '../../core/report.ts';
import { killSwitchSchema } from '../../core/topics.ts';
import { loginSchema } from './access.ts';
import { newAudienceSchema } from './audiences.ts';
import { auditEntrySchema } from './audit.ts';
import { entityKinds } from './directory.ts';
import { apiKeySchema, newKeySchema } from './keys.ts';
import { newPersonSchema, publicPersonSchema } from './people.ts';
import { resources } from './resources.ts';
import { switchChangeSchema } from './switches.ts';

/** Of the contract, not of the program: grows when the contract does. */
const API_VERSION = '1.0.0';

type Json = Record<string, unknown>;

interface Operation {
  readonly method: 'get' | 'post' | 'patch' | 'put' | 'delete';
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly query?: Readonly<Record<string, Json>>;
  /** Schema name of the body. */
  readonly body?: string;
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
const schemaOf = {
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
  granularity: { schema: { type: 'string', enum: granularities } },
  timezone: text('IANA time zone, UTC unless told.'),
  dimensions: text(`Comma-separated: ${reportDimensionNames.join(', ')}.`),
  metrics: text(`Comma-separated: ${reportMetricNames.join(', ')}.`),
  filter: text('`campaign:1,2;country:DEU`, repeatable.'),
  order: text('A metric or dimension; with `-` in front from high to low.'),
  limit: integer('Rows at most.'),
  format: { schema: { type: 'string', enum: ['json', 'csv'] } },
  totals: { schema: { type: 'boolean' }, description: 'Adds the totals over all rows.' },
  compare: {
    schema: { type: 'string', enum: ['previous'] },
    description: 'With totals: adds those of the span before.',
  },
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
  {
    method: 'get',
    path: '/events/status',
    tag: 'Operations',
    summary: 'Where log and ingest stand (operators)',
    answer: 'EventsStatus',
  },
  { method: 'get', path: '/openapi.json', tag: 'Operations', summary: 'This document', answer: 'Anything', open: true },
];

/** The OpenAPI 3.1 document, made from the table above and the zod schemas the server validates with. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    const path = `/api/v1${operation.path}`;
    paths[path] = { ...paths[path], [operation.method]: operationObject(operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Evenkeel',
      version: API_VERSION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'Campaigns, reports and pacing. Budgets are integer micros of the account currency, bids are CPM in micros, ' +
        'spend is exact nanos as decimal text. Refusals are RFC 9457 problem details with a stable `code`.',
    },
    security: [{ key: [] }],
    paths,
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } }, schemas: schemas() },
  };
}

function operationObject(operation: Operation): Json {
  const parameters: Json[] = [];
  if (operation.path.includes('{id}')) {
    parameters.push({ name: 'id', in: 'path', required: true, schema: { type: 'string' } });
  }
  if (operation.guarded) {
    const description = 'The ETag you read; `*` overwrites whatever is there.';
    parameters.push({ name: 'If-Match', in: 'header', required: true, schema: { type: 'string' }, description });
  }
  for (const [name, parameter] of Object.entries(operation.query ?? {}))
    parameters.push({ name, in: 'query', ...parameter });
  const answer =
    operation.answer === null
      ? { description: 'Done' }
      : { description: 'Success', content: { 'application/json': { schema: reference(operation.answer) } } };
  return {
    tags: [operation.tag],
    summary: operation.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(operation.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: reference(operation.body) } } } }),
    responses: {
      [operation.status ?? 200]: answer,
      default: { description: 'Refused', content: { 'application/problem+json': { schema: reference('Problem') } } },
    },
    ...(operation.open ? { security: [] } : {}),
  };
}

const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

function schemas(): Json {
  const made: Record<string, Json> = {};
  for (const kind of entityKinds) {
    const name = schemaOf[kind];
    const output = jsonSchema(resources[kind].schema, 'output');
    made[name] = output;
    made[`New${name}`] = withoutOwned(jsonSchema(resources[kind].schema, 'input'));
    const { required: _, ...patch } = made[`New${name}`]!;
    made[`${name}Patch`] = patch;
    made[`${name}List`] = listOf(name);
  }
  const key = jsonSchema(apiKeySchema, 'output');
  return {
    ...made,
    Key: key,
    KeyList: listOf('Key'),
    NewKey: jsonSchema(newKeySchema, 'input'),
    CreatedKey: {
      allOf: [reference('Key'), { type: 'object', required: ['key'], properties: { key: { type: 'string' } } }],
    },
    Login: jsonSchema(loginSchema, 'input'),
    User: jsonSchema(publicPersonSchema, 'output'),
    UserList: listOf('User'),
    NewUser: jsonSchema(newPersonSchema, 'input'),
    Me: object({ name: { type: 'string' }, role: { type: 'string' }, advertiserId: { type: ['integer', 'null'] } }),
    Hindrance: object({ code: { type: 'string' }, message: { type: 'string' } }),
    HindranceList: object({ items: { type: 'array', items: reference('Hindrance') } }),
    AuditEntry: jsonSchema(auditEntrySchema, 'output'),
    AuditList: listOf('AuditEntry'),
    Funnel: object({
      fromMs: { type: 'integer' },
      toMs: { type: 'integer' },
      matched: { type: 'integer' },
      stages: { type: 'array', items: { type: 'object' } },
      bids: { type: 'integer' },
      wins: { type: 'integer' },
      impressions: { type: 'integer' },
      sentence: { type: 'string' },
    }),
    Audience: { allOf: [jsonSchema(audienceSchema, 'output'), object({ users: { type: 'integer' } })] },
    AudienceList: listOf('Audience'),
    NewAudience: jsonSchema(newAudienceSchema, 'input'),
    AudiencePatch: { type: 'object', properties: { name: { type: 'string' }, status: { enum: ['active', 'paused'] } } },
    AudienceUpload: jsonSchema(audienceUploadSchema, 'output'),
    Report: object({
      query: { type: 'object' },
      rows: { type: 'array', items: { type: 'object' } },
      truncated: { type: 'boolean' },
    }),
    PacingStatus: jsonSchema(pacingStatusSchema, 'output'),
    PacingList: listOf('PacingStatus'),
    Live: object({
      nowMs: { type: 'integer' },
      readMs: { type: 'integer' },
      campaigns: { type: 'array', items: { type: 'object' } },
      minutes: { type: 'array', items: { type: 'object' } },
    }),
    Switch: jsonSchema(killSwitchSchema, 'output'),
    SwitchList: listOf('Switch'),
    SwitchChange: jsonSchema(switchChangeSchema, 'input'),
    EventsStatus: { type: 'object' },
    Anything: { type: 'object' },
    Problem: object({
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      code: { type: 'string' },
      detail: { type: 'string' },
      instance: { type: 'string' },
      requestId: { type: 'string' },
    }),
  };
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  return rest;
}

/** What a caller may send: without the fields the server owns. */
function withoutOwned(schema: Json): Json {
  const properties = { ...(schema.properties as Json) };
  for (const field of ['id', 'version', 'updatedMs']) delete properties[field];
  const required = ((schema.required as string[] | undefined) ?? []).filter((field) => field !== 'id');
  return { ...schema, properties, required };
}

function object(properties: Json): Json {
  return { type: 'object', required: Object.keys(properties), properties };
}

function listOf(name: string): Json {
  return object({ items: { type: 'array', items: reference(name) }, nextCursor: { type: ['string', 'null'] } });
}
