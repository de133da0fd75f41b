import { Hono } from 'hono';
import { z } from 'zod';
import type { CampaignChange, KillSwitch } from '../../core/topics.ts';
import { type ApiContext, type ApiEnv, requireOperator, type Services } from './context.ts';
import type { Entities, EntityKind } from './directory.ts';
import type { Documents, NewDocument } from './documents.ts';
import { find } from './entities.ts';
import { type Principal, roles } from './keys.ts';
import { invalidInput } from './problem.ts';

/** One change of one entity: who, when, and each field that became another. */
export const auditEntrySchema = z.strictObject({
  id: z.string(),
  atMs: z.int(),
  actor: z.strictObject({ keyId: z.string(), name: z.string(), role: z.enum(roles) }),
  requestId: z.string(),
  kind: z.enum(['advertiser', 'campaign', 'line_item', 'creative', 'switch']),
  entityId: z.union([z.int(), z.string()]),
  name: z.string(),
  action: z.enum(['create', 'update']),
  version: z.int(),
  fields: z.array(z.strictObject({ field: z.string(), from: z.unknown(), to: z.unknown() })),
  /** The log did not confirm the change in time: it may or may not have happened. */
  unconfirmed: z.boolean(),
});
export type AuditEntry = z.infer<typeof auditEntrySchema>;

export interface WrittenChange {
  readonly before: Entities[EntityKind] | KillSwitch | null;
  readonly after: CampaignChange;
}

const MAX_FIELDS = 50;
const MAX_TEXT = 500;
let sequence = 0;

/**
 * Writes changes and who made them. The entry comes first, so that no change is without one.
 * @throws Problem write_unconfirmed, after marking the entries so
 */
export async function commitChanges(
  services: Pick<Services, 'directory' | 'documents' | 'clock'>,
  principal: Principal,
  requestId: string,
  written: readonly WrittenChange[],
): Promise<void> {
  const { directory, documents, clock } = services;
  const entries = written.map((change) => entryOf(change, principal, requestId, clock.nowMs()));
  const campaigns = written.map((change) => campaignOf(directory, change.after, written));
  const store = (unconfirmed: boolean) => documents.putAll(records(entries, campaigns, unconfirmed));
  await store(false);
  try {
    await directory.write(written.map((change) => change.after));
  } catch (error) {
    await store(true);
    throw error;
  }
}

function records(entries: readonly AuditEntry[], campaigns: readonly (number | null)[], unconfirmed: boolean) {
  return entries.flatMap((entry, i): NewDocument[] => {
    const value = { ...entry, unconfirmed };
    const all = { collection: 'audit', id: entry.id, value };
    const campaign = campaigns[i];
    return campaign === null ? [all] : [all, { collection: `audit:campaign:${campaign}`, id: entry.id, value }];
  });
}

function entryOf({ before, after }: WrittenChange, principal: Principal, requestId: string, atMs: number): AuditEntry {
  sequence = (sequence + 1) % 1_000_000;
  const entity = after.entity as { id?: number; scope?: string; name?: string; version?: number };
  return {
    id: `${String(atMs).padStart(15, '0')}-${String(sequence).padStart(6, '0')}`,
    atMs,
    actor: { keyId: principal.keyId, name: principal.name, role: principal.role },
    requestId,
    kind: after.kind,
    entityId: entity.id ?? entity.scope ?? '',
    name: entity.name ?? '',
    action: before === null ? 'create' : 'update',
    version: entity.version ?? 0,
    fields: before === null ? [] : differences(before, after.entity).slice(0, MAX_FIELDS),
    unconfirmed: false,
  };
}

/** The leaves that differ, as dotted fields. Lists are compared whole; long values are cut. */
export function differences(
  before: unknown,
  after: unknown,
  path = '',
): { field: string; from: unknown; to: unknown }[] {
  if (path === 'version' || path === 'updatedMs' || JSON.stringify(before) === JSON.stringify(after)) return [];
  if (!isPlain(before) || !isPlain(after)) return [{ field: path, from: cut(before), to: cut(after) }];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => differences(before[name], after[name], path === '' ? name : `${path}.${name}`));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function cut(value: unknown): unknown {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : (value ?? null);
}

function campaignOf(
  directory: Services['directory'],
  change: CampaignChange,
  written: readonly WrittenChange[],
): number | null {
  if (change.kind === 'campaign') return change.entity.id;
  if (change.kind === 'line_item') return change.entity.campaignId;
  if (change.kind !== 'creative') return null;
  const id = change.entity.lineItemId;
  const created = written.find(({ after }) => after.kind === 'line_item' && after.entity.id === id)?.after;
  if (created?.kind === 'line_item') return created.entity.campaignId;
  return directory.get('line_item', id)?.campaignId ?? null;
}

const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  cursor: z.string().max(40).default(''),
});

/** `GET /audit` for operators and `GET /campaigns/:id/history` for whoever sees the campaign. */
export function auditRoutes(services: Services): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/audit', (c) => {
    requireOperator(c.get('principal'));
    return page(services.documents, 'audit', c);
  });
  app.get('/campaigns/:id/history', (c) => {
    const campaign = find(services, 'campaign', c);
    return page(services.documents, `audit:campaign:${campaign.id}`, c);
  });
  return app;
}

function page(documents: Documents, collection: string, c: ApiContext): Response {
  const parsed = pageQuery.safeParse(c.req.query());
  if (!parsed.success) throw invalidInput(parsed.error);
  const { limit, cursor } = parsed.data;
  const found = documents.list(collection, { limit: limit + 1, after: cursor, reverse: true });
  const items = found.slice(0, limit).map((document) => document.value);
  const nextCursor = found.length > limit ? found[limit - 1]!.id : null;
  return c.json({ items, nextCursor });
}
