import { z } from 'zod';
import { audienceSchema, audienceUploadSchema } from '../../core/audience.ts';
import { billedStatusSchema } from '../../core/bill.ts';
import { storeHealthSchema } from '../../core/storehealth.ts';
import { killSwitchSchema } from '../../core/topics.ts';
import { loginSchema } from './access.ts';
import { adFileSchema } from './adfilelist.ts';
import { alertCodes } from './alertrules.ts';
import { newAudienceSchema } from './audiences.ts';
import { auditEntrySchema } from './audit.ts';
import { MAX_IMPORT } from './bulk.ts';
import { entityKinds } from './directory.ts';
import { apiKeySchema, newKeySchema } from './keys.ts';
import type { Json, Operation } from './operation.ts';
import { operations, schemaOf } from './operations.ts';
import { newPersonSchema, publicPersonSchema } from './people.ts';
import { newPreviewSchema } from './preview.ts';
import { resources } from './resources.ts';
import { newSavedReportSchema, savedReportPatchSchema, savedReportSchema } from './savedreports.ts';
import { switchChangeSchema } from './switches.ts';
import { estimateSchema } from './traffic.ts';
import { uploadedImageSchema, uploadedMediaSchema } from './uploads.ts';
import { newWebhookSchema, webhookSchema } from './webhooks.ts';

/** Of the contract, not of the program: grows when the contract does. */
const API_VERSION = '1.0.0';

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
      : {
          requestBody: {
            required: true,
            content: { [operation.bodyType ?? 'application/json']: { schema: reference(operation.body) } },
          },
        }),
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
    Me: object({
      name: { type: 'string' },
      role: { type: 'string' },
      advertiserId: { type: ['integer', 'null'] },
      timeZone: { type: ['string', 'null'] },
      currency: { type: ['string', 'null'] },
    }),
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
    Audience: {
      allOf: [
        jsonSchema(audienceSchema, 'output'),
        object({ users: { type: 'integer' }, matchedUntilMs: { type: ['integer', 'null'] } }),
      ],
    },
    AudienceList: listOf('Audience'),
    NewAudience: jsonSchema(newAudienceSchema, 'input'),
    AudiencePatch: { type: 'object', properties: { name: { type: 'string' }, status: { enum: ['active', 'paused'] } } },
    AudienceUpload: jsonSchema(audienceUploadSchema, 'output'),
    Alert: object({
      id: { type: 'string' },
      code: { enum: alertCodes },
      severity: { enum: ['warning', 'critical'] },
      message: { type: 'string' },
      campaignId: { type: ['integer', 'null'] },
      advertiserId: { type: ['integer', 'null'] },
      sinceMs: { type: 'integer' },
      untilMs: { type: ['integer', 'null'] },
    }),
    AlertList: listOf('Alert'),
    Webhook: jsonSchema(webhookSchema, 'output'),
    WebhookList: listOf('Webhook'),
    NewWebhook: jsonSchema(newWebhookSchema, 'input'),
    CampaignImport: object({ items: { type: 'array', maxItems: MAX_IMPORT, items: reference('NewCampaign') } }),
    ImportResult: object({
      dryRun: { type: 'boolean' },
      valid: { type: 'integer' },
      created: { type: 'array', items: { type: 'integer' } },
      errors: {
        type: 'array',
        items: object({ line: { type: 'integer' }, field: { type: 'string' }, message: { type: 'string' } }),
      },
    }),
    Report: object({
      query: { type: 'object' },
      rows: { type: 'array', items: { type: 'object' } },
      truncated: { type: 'boolean' },
    }),
    Image: { type: 'string', format: 'binary' },
    UploadedImage: jsonSchema(uploadedImageSchema, 'output'),
    Media: { type: 'string', format: 'binary' },
    UploadedMedia: jsonSchema(uploadedMediaSchema, 'output'),
    AdFile: jsonSchema(adFileSchema, 'output'),
    AdFileList: listOf('AdFile'),
    NewPreview: jsonSchema(newPreviewSchema, 'input'),
    Preview: object({ id: { type: 'string' } }),
    SavedReport: jsonSchema(savedReportSchema, 'output'),
    SavedReportList: listOf('SavedReport'),
    NewSavedReport: jsonSchema(newSavedReportSchema, 'input'),
    SavedReportPatch: jsonSchema(savedReportPatchSchema, 'input'),
    ReportRun: jsonSchema(savedReportSchema.shape.runs.element, 'output'),
    TrafficQuestion: jsonSchema(estimateSchema, 'input'),
    TrafficEstimate: object({
      requestsPerDay: { type: 'integer' },
      share: { type: 'number' },
      people: { type: 'integer' },
      hours: { type: 'number' },
      matched: { type: 'integer' },
      ignored: {
        type: 'array',
        items: { type: 'string' },
        description:
          'Dimensions of the targeting that were not looked at, in part or at all: the draw does not tell them.',
      },
    }),
    PacingStatus: jsonSchema(billedStatusSchema, 'output'),
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
    StoreHealth: jsonSchema(storeHealthSchema, 'output'),
    EventsStatus: object({
      nowMs: { type: 'integer' },
      topics: { type: 'array', items: { type: 'object' } },
      bidding: { type: 'object' },
      ingest: { type: ['object', 'null'], properties: { lag: { type: 'integer' } } },
      store: {
        oneOf: [
          reference('StoreHealth'),
          object({ error: object({ code: { type: 'string' }, message: { type: 'string' } }) }),
          { type: 'null' },
        ],
      },
      sla: object({
        p99Ms: { type: 'number' },
        errorPercent: { type: 'number' },
        lagRecords: { type: 'integer' },
      }),
      entities: { type: 'object' },
      following: { type: 'boolean' },
    }),
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
