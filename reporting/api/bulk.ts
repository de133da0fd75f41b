import { Hono } from 'hono';
import type { Campaign } from '../../core/campaign.ts';
import type { CampaignChange } from '../../core/topics.ts';
import { commitChanges } from './audit.ts';
import { campaignsCsv, csvItems, type ImportItem } from './campaigncsv.ts';
import { type ApiContext, type ApiEnv, jsonBody, maySee, requireWriter, type Services } from './context.ts';
import type { Directory } from './directory.ts';
import { newEntities } from './entities.ts';
import { invalidField, Problem } from './problem.ts';

export const MAX_IMPORT = 1000;
interface ImportFault {
  /** Counted from 1: the line of the CSV (its header is line 1), or the item of the JSON list. */
  readonly line: number;
  readonly field: string;
  readonly message: string;
}
/** `GET /campaigns/export` and `POST /campaigns/import`. */
export function bulkRoutes(services: Services): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/campaigns/export', (c) => {
    const wanted = c.req.query('advertiserId');
    const campaigns = [...services.directory.all('campaign')]
      .filter((campaign) => maySee(c.get('principal'), campaign.advertiserId))
      .filter((campaign) => wanted === undefined || campaign.advertiserId === Number(wanted))
      .sort((a, b) => a.id - b.id);
    if (c.req.query('format') !== 'csv')
      return c.json({ items: campaigns.map((campaign) => tree(services.directory, campaign)) });
    const text = campaignsCsv(services.directory, campaigns);
    return c.body(text, 200, {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': 'attachment; filename="campaigns.csv"',
    });
  });
  app.post('/campaigns/import', async (c) => {
    const principal = c.get('principal');
    requireWriter(principal);
    const items = await readItems(c);
    const dryRun = c.req.query('dryRun') === 'true';
    return services.directory.exclusive(async () => {
      const { changes, created, errors } = prepare(services, items, c);
      const lines = items.reduce((sum, { more }) => sum + 1 + more, 0);
      const atFault = new Set(errors.map(({ line }) => line)).size;
      if (!dryRun && errors[0] !== undefined) {
        const faults = errors
          .slice(0, 100)
          .map(({ line, field, message }) => ({ field: `line ${line}: ${field}`, message }));
        const detail = `${atFault} of ${lines} lines are not valid; nothing was created. Line ${errors[0].line}: ${errors[0].message}`;
        throw new Problem(422, 'invalid_field', { detail, field: errors[0].field, faults });
      }
      if (services.directory.count() + changes.length > services.limits.maxEntities) {
        throw new Problem(
          409,
          'too_many_entities',
          `This server keeps at most ${services.limits.maxEntities} entities.`,
        );
      }
      if (!dryRun && changes.length > 0) {
        await commitChanges(
          services,
          principal,
          c.get('requestId'),
          changes.map((after) => ({ before: null, after })),
        );
      }
      return c.json({
        dryRun,
        valid: lines - atFault,
        created: dryRun ? [] : created,
        errors,
      });
    });
  });
  return app;
}

function prepare(services: Services, items: readonly ImportItem[], c: ApiContext) {
  const changes: CampaignChange[] = [];
  const created: number[] = [];
  const errors: ImportFault[] = [];
  const taken = new Set<number>();
  for (const { body, placeOf } of items) {
    try {
      const made = newEntities(services, 'campaign', body(), c.get('principal'), taken);
      changes.push(...made);
      created.push((made[0]!.entity as Campaign).id);
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) throw error;
      const { faults, field = '(line)', detail } = error.options;
      const message = detail.startsWith(`${field}: `) ? detail.slice(field.length + 2) : detail;
      errors.push(
        ...(faults ?? [{ field, message }]).map((fault) => ({ ...placeOf(fault.field), message: fault.message })),
      );
    }
  }
  return { changes, created, errors };
}

async function readItems(c: ApiContext): Promise<readonly ImportItem[]> {
  if (/^text\/csv\b/i.test(c.req.header('content-type') ?? '')) return csvItems(await c.req.text(), MAX_IMPORT);
  const { items } = await jsonBody(c);
  if (!Array.isArray(items) || items.length > MAX_IMPORT)
    throw invalidField('items', `must be a list of at most ${MAX_IMPORT} campaigns`);
  return items.map((body, i) => ({
    line: i + 1,
    more: 0,
    placeOf: (field) => ({ line: i + 1, field }),
    body: () => (typeof body === 'object' && body !== null ? strip(body) : {}),
  }));
}

/** What an export adds and an import gives anew. */
function strip(body: Record<string, unknown>): Record<string, unknown> {
  const {
    id: _id,
    version: _version,
    updatedMs: _updatedMs,
    campaignId: _campaign,
    lineItemId: _lineItem,
    ...rest
  } = body;
  for (const field of ['lineItems', 'creatives']) {
    if (Array.isArray(rest[field]))
      rest[field] = rest[field].map((child) => (typeof child === 'object' && child !== null ? strip(child) : child));
  }
  return rest;
}

function tree(directory: Directory, campaign: Campaign): Record<string, unknown> {
  const lineItems = directory.childrenOf('campaign', campaign.id).map((id) => ({
    ...directory.get('line_item', id)!,
    creatives: directory.childrenOf('line_item', id).map((creativeId) => directory.get('creative', creativeId)),
  }));
  return { ...campaign, lineItems };
}
