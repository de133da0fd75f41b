import { Hono } from 'hono';
import { z } from 'zod';
import type { CampaignChange, KillSwitch } from '../../core/topics.ts';
import { type ApiContext, type ApiEnv, requireOperator, type Services } from './context.ts';
import { type Entities, type EntityKind, entityKinds } from './directory.ts';
import type { Document, Documents, NewDocument } from './documents.ts';
import { find } from './entities.ts';
import { type Principal, roles } from './keys.ts';
import { invalidInput } from './problem.ts';

/** What changes are kept of beside the entities. */
const otherKinds = [
  'switch',
  'key',
  'user',
  'webhook',
  'saved_report',
  'audience',
  'image',
  'media',
  'configuration',
] as const;
type OtherKind = (typeof otherKinds)[number];
const actions = ['create', 'update', 'delete', 'upload', 'run', 'reload'] as const;

/** One change: who, when, and each field that became another. Never a secret. */
export const auditEntrySchema = z.strictObject({
  id: z.string(),
  atMs: z.int(),
  actor: z.strictObject({ keyId: z.string(), name: z.string(), role: z.enum(roles) }),
  requestId: z.string(),
  kind: z.enum([...entityKinds, ...otherKinds]),
  entityId: z.union([z.int(), z.string()]),
  name: z.string(),
  action: z.enum(actions),
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

/** A change of something that is not a campaign or below one, as its owner sees it: without secrets. */
export interface OtherChange {
  readonly kind: OtherKind;
  readonly id: string | number;
  readonly name: string;
  readonly action: (typeof actions)[number];
  readonly before?: object;
  readonly after?: object;
}

/**
 * Makes a change and keeps who made it, in the same order: the entry first, marked as unconfirmed when the change failed.
 */
export async function audited<T>(
  { documents, clock }: Pick<Services, 'documents' | 'clock'>,
  c: ApiContext,
  change: OtherChange,
  make: () => Promise<T>,
): Promise<T> {
  const { kind, id, name, action, before = {}, after = {} } = change;
  const version = (after as { version?: number }).version ?? 0;
  const fields = differences(masked(before), masked(after)).filter(({ field }) => field !== 'id' && field !== 'name');
  const renamed = differences(before, after).filter(({ field }) => field === 'name' && action === 'update');
  const entry: AuditEntry = {
    ...whoAndWhen(c.get('principal'), c.get('requestId'), clock.nowMs()),
    ...{ kind, entityId: id, name, action, version, unconfirmed: false },
    fields: [...renamed, ...fields].slice(0, MAX_FIELDS),
  };
  await documents.put('audit', entry.id, entry);
  try {
    return await make();
  } catch (error) {
    await documents.put('audit', entry.id, { ...entry, unconfirmed: true });
    throw error;
  }
}

/** Fields that are never kept, whoever hands them over; and of addresses only where they lead, as their paths may be secrets. */
const SECRETS = new Set(['secret', 'key', 'password', 'salt', 'hash']);
const ADDRESSES = new Set(['url', 'deliverTo']);

function masked(thing: object): object {
  const kept = Object.entries(thing).filter(([name]) => !SECRETS.has(name));
  return Object.fromEntries(
    kept.map(([name, value]) => [
      name,
      ADDRESSES.has(name) && typeof value === 'string' ? `${new URL(value).origin}/…` : value,
    ]),
  );
}

function whoAndWhen(
  { keyId, name, role }: Principal,
  requestId: string,
  atMs: number,
): Pick<AuditEntry, 'id' | 'atMs' | 'actor' | 'requestId'> {
  sequence = (sequence + 1) % 1_000_000;
  const id = `${String(atMs).padStart(15, '0')}-${String(sequence).padStart(6, '0')}`;
  return { id, atMs, actor: { keyId, name, role }, requestId };
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
  const entity = after.entity as { id?: number; scope?: string; name?: string; version?: number };
  return {
    ...whoAndWhen(principal, requestId, atMs),
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
  kind: auditEntrySchema.shape.kind.optional(),
  entityId: z.string().max(100).optional(),
  /** Id of the key, or `user:` and the e-mail. */
  actor: z.string().max(220).optional(),
});
type PageQuery = z.infer<typeof pageQuery>;
/** Entries that are looked through for one page at most; a page that finds less says where the next begins. */
const MAX_SCANNED = 20_000;
const CHUNK = 1000;

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
  const { items, nextCursor } = matching(documents, collection, parsed.data);
  return c.json({ items: items.map((document) => document.value), nextCursor });
}

function matching(
  documents: Documents,
  collection: string,
  { limit, cursor, kind, entityId, actor }: PageQuery,
): { readonly items: readonly Document[]; readonly nextCursor: string | null } {
  const wanted = (entry: AuditEntry): boolean =>
    (kind === undefined || entry.kind === kind) &&
    (entityId === undefined || String(entry.entityId) === entityId) &&
    (actor === undefined || entry.actor.keyId === actor);
  const items: Document[] = [];
  let after = cursor;
  for (let scanned = 0; scanned < MAX_SCANNED; scanned += CHUNK) {
    const chunk = documents.list(collection, { limit: CHUNK, after, reverse: true });
    for (const document of chunk) {
      if (!wanted(document.value as AuditEntry)) continue;
      if (items.length === limit) return { items, nextCursor: items.at(-1)!.id };
      items.push(document);
    }
    if (chunk.length < CHUNK) return { items, nextCursor: null };
    after = chunk.at(-1)!.id;
  }
  return { items, nextCursor: after };
}
