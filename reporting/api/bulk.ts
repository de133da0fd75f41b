import { Hono } from 'hono';
import type { Campaign, LineItem } from '../../core/campaign.ts';
import type { CampaignChange } from '../../core/topics.ts';
import { commitChanges } from './audit.ts';
import { type ApiContext, type ApiEnv, jsonBody, maySee, requireWriter, type Services } from './context.ts';
import { csvCell } from './csv.ts';
import { parseCsv } from './csvreader.ts';
import type { Directory } from './directory.ts';
import { newEntities } from './entities.ts';
import { invalidField, Problem } from './problem.ts';

export const MAX_IMPORT = 1000;
/** The columns of the CSV form: a campaign with one line item a line. Amounts are in units of currency. */
const columns = [
  'advertiserId',
  'name',
  'status',
  'dailyBudget',
  'lifetimeBudget',
  'start',
  'end',
  'bidCpm',
  'pacing',
  'countries',
] as const;

interface ImportFault {
  /** Counted from 1: the line of the CSV (its header is line 1), or the item of the JSON list. */
  readonly line: number;
  readonly field: string;
  readonly message: string;
}
interface ImportItem {
  readonly line: number;
  /** @throws Problem invalid_field for a cell that can not be read */
  readonly body: () => Record<string, unknown>;
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
    const lines = campaigns.flatMap((campaign) => csvLines(services.directory, campaign));
    const text = `${columns.join(',')}\r\n${lines.join('')}`;
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
      if (!dryRun && errors[0] !== undefined) {
        const faults = errors
          .slice(0, 100)
          .map(({ line, field, message }) => ({ field: `line ${line}: ${field}`, message }));
        const detail = `${errors.length} of ${items.length} lines are not valid; nothing was created. Line ${errors[0].line}: ${errors[0].message}`;
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
        valid: items.length - new Set(errors.map(({ line }) => line)).size,
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
  for (const { line, body } of items) {
    try {
      const made = newEntities(services, 'campaign', body(), c.get('principal'), taken);
      changes.push(...made);
      created.push((made[0]!.entity as Campaign).id);
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) throw error;
      const { faults, field = '(line)', detail } = error.options;
      const message = detail.startsWith(`${field}: `) ? detail.slice(field.length + 2) : detail;
      errors.push(...(faults ?? [{ field, message }]).map((fault) => ({ line, ...fault })));
    }
  }
  return { changes, created, errors };
}

async function readItems(c: ApiContext): Promise<readonly ImportItem[]> {
  if (/^text\/csv\b/i.test(c.req.header('content-type') ?? '')) return csvItems(await c.req.text());
  const { items } = await jsonBody(c);
  if (!Array.isArray(items) || items.length > MAX_IMPORT)
    throw invalidField('items', `must be a list of at most ${MAX_IMPORT} campaigns`);
  return items.map((body, i) => ({
    line: i + 1,
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

function csvItems(text: string): readonly ImportItem[] {
  const [header, ...rows] = parseCsv(text, MAX_IMPORT + 1);
  const names = header?.map((name) => name.trim()) ?? [];
  const unknown = names.find((name) => !columns.includes(name as (typeof columns)[number]));
  if (unknown !== undefined || !names.includes('name')) {
    throw invalidField(
      '(header)',
      unknown === undefined
        ? 'needs at least the column name'
        : `does not know the column ${unknown}; known: ${columns.join(', ')}`,
    );
  }
  return rows.map((row, i) => {
    const cell = (name: (typeof columns)[number]): string => row[names.indexOf(name)]?.trim() ?? '';
    return { line: i + 2, body: () => csvBody(cell) };
  });
}

function csvBody(cell: (name: (typeof columns)[number]) => string): Record<string, unknown> {
  const amount = (name: 'dailyBudget' | 'lifetimeBudget' | 'bidCpm') => micros(cell(name), name);
  const time = (name: 'start' | 'end', otherwise: number | null): number | null => {
    const atMs = cell(name) === '' ? otherwise : Date.parse(cell(name));
    if (Number.isNaN(atMs)) throw invalidField(name, `"${cell(name)}" is not a time such as 2026-12-01T00:00:00Z`);
    return atMs;
  };
  const countries = cell('countries')
    .split(/[\s;]+/)
    .filter((word) => word !== '');
  return {
    advertiserId: Number(cell('advertiserId')),
    name: cell('name'),
    ...(cell('status') === '' ? {} : { status: cell('status') }),
    budget: { dailyMicros: amount('dailyBudget'), lifetimeMicros: amount('lifetimeBudget') },
    flight: { startMs: time('start', 0), endMs: time('end', null) },
    lineItems: [
      {
        name: cell('name'),
        goal: { type: 'cpm', bidCpmMicros: amount('bidCpm') ?? 2_000_000 },
        ...(cell('pacing') === '' ? {} : { pacing: cell('pacing') }),
        targeting: { terms: countries.length === 0 ? {} : { country: { include: countries } } },
      },
    ],
  };
}

/** An amount as exact micros. @throws Problem invalid_field */
function micros(text: string, column: string): number | null {
  if (text === '') return null;
  const match = /^(\d{1,9})(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) throw invalidField(column, `"${text}" is not an amount such as 12.50`);
  return Number(match[1]) * 1_000_000 + Number((match[2] ?? '').padEnd(6, '0'));
}

function tree(directory: Directory, campaign: Campaign): Record<string, unknown> {
  const lineItems = directory.childrenOf('campaign', campaign.id).map((id) => ({
    ...directory.get('line_item', id)!,
    creatives: directory.childrenOf('line_item', id).map((creativeId) => directory.get('creative', creativeId)),
  }));
  return { ...campaign, lineItems };
}

function csvLines(directory: Directory, campaign: Campaign): readonly string[] {
  const units = (amount: number | null): string => (amount === null ? '' : String(amount / 1_000_000));
  const instant = (atMs: number | null): string => (atMs === null || atMs === 0 ? '' : new Date(atMs).toISOString());
  const lineItems = directory.childrenOf('campaign', campaign.id).map((id) => directory.get('line_item', id)!);
  return lineItems.slice(0, 1).map((lineItem: LineItem) => {
    const bid = lineItem.goal.type === 'cpm' ? lineItem.goal.bidCpmMicros : lineItem.goal.maxCpmMicros;
    const cells = [
      String(campaign.advertiserId),
      campaign.name,
      campaign.status,
      units(campaign.budget.dailyMicros),
      units(campaign.budget.lifetimeMicros),
      instant(campaign.flight.startMs),
      instant(campaign.flight.endMs),
      units(bid),
      lineItem.pacing,
      (lineItem.targeting.terms.country?.include ?? []).join(' '),
    ];
    return `${cells.map(csvCell).join(',')}\r\n`;
  });
}
