import { Hono } from 'hono';
import { z } from 'zod';
import { statusSchema } from '../../core/campaign.ts';
import type { CampaignChange } from '../../core/topics.ts';
import { commitChanges } from './audit.ts';
import { checkPrecondition } from './concurrency.ts';
import {
  type ApiContext,
  type ApiEnv,
  jsonBody,
  maySee,
  requireOperator,
  requireWriter,
  type Services,
} from './context.ts';
import { type Entities, type EntityKind, entityKinds } from './directory.ts';
import type { Principal } from './keys.ts';
import { createCampaignTree } from './newcampaign.ts';
import { advertiserFilter, filtersOf, named, nameFilter, pageOf, sortable } from './paging.ts';
import { invalidField, Problem } from './problem.ts';
import { changeOf, etagOf, mergePatch, newId, parseEntity, resources } from './resources.ts';
import { checkRules, hindrances, type Surroundings } from './rules.ts';

const listQuery = z.object({
  advertiserId: advertiserFilter,
  campaignId: z.coerce.number().int().optional(),
  lineItemId: z.coerce.number().int().optional(),
  status: statusSchema.optional(),
  /** Part of the name, in any case. */
  name: nameFilter,
});

/** Routes of advertisers, campaigns, line items and creatives. */
export function entityRoutes(services: Services): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  for (const kind of entityKinds) {
    const { path } = resources[kind];
    app.get(`/${path}`, (c) => list(services, kind, c));
    app.post(`/${path}`, (c) => create(services, kind, c));
    app.get(`/${path}/:id`, (c) => read(services, kind, c));
    app.patch(`/${path}/:id`, (c) => update(services, kind, c));
  }
  app.get('/campaigns/:id/hindrances', (c) => {
    const campaign = find(services, 'campaign', c);
    return c.json({ items: hindrances(services.directory, campaign, services.clock.nowMs()) });
  });
  return app;
}

/** The entity named in the path, if the caller may know of it. @throws Problem not_found */
export function find<K extends EntityKind>(services: Pick<Services, 'directory'>, kind: K, c: ApiContext): Entities[K] {
  const text = c.req.param('id') ?? '';
  const entity = /^\d{1,10}$/.test(text) ? services.directory.get(kind, Number(text)) : undefined;
  if (entity === undefined || !maySee(c.get('principal'), services.directory.advertiserOf(kind, entity))) {
    throw new Problem(404, 'not_found', `There is no such ${kind.replace('_', ' ')}.`);
  }
  return entity;
}

function list(services: Services, kind: EntityKind, c: ApiContext): Response {
  const wanted = filtersOf(c, listQuery);
  const { status, name } = wanted;
  const found = [...services.directory.all(kind)]
    .filter((entity) => visible(services, kind, entity, c.get('principal'), wanted))
    .filter((entity) => (status === undefined || entity.status === status) && named(entity.name, name));
  return c.json(pageOf(c, found, { keyOf: ({ id }) => sortable(id) }));
}

function visible(
  services: Services,
  kind: EntityKind,
  entity: Entities[EntityKind],
  principal: Principal,
  wanted: z.infer<typeof listQuery>,
): boolean {
  const advertiserId = services.directory.advertiserOf(kind, entity);
  if (!maySee(principal, advertiserId)) return false;
  if (wanted.advertiserId !== undefined && wanted.advertiserId !== advertiserId) return false;
  if (wanted.lineItemId !== undefined && (entity as { lineItemId?: number }).lineItemId !== wanted.lineItemId)
    return false;
  if (wanted.campaignId === undefined) return true;
  if (kind === 'campaign') return entity.id === wanted.campaignId;
  if (kind === 'line_item') return (entity as Entities['line_item']).campaignId === wanted.campaignId;
  const lineItemId = (entity as { lineItemId?: number }).lineItemId;
  return lineItemId !== undefined && services.directory.get('line_item', lineItemId)?.campaignId === wanted.campaignId;
}

function read(services: Services, kind: EntityKind, c: ApiContext): Response {
  const entity = find(services, kind, c);
  const etag = etagOf(entity);
  if (c.req.header('if-none-match') === etag) return c.body(null, 304, { etag });
  return c.json(entity, 200, { etag });
}

async function create(services: Services, kind: EntityKind, c: ApiContext): Promise<Response> {
  const principal = c.get('principal');
  requireWriter(principal);
  if (kind === 'advertiser') requireOperator(principal);
  const body = await jsonBody(c);
  return services.directory.exclusive(async () => {
    const changes = newEntities(services, kind, body, principal);
    if (services.directory.count() + changes.length > services.limits.maxEntities) {
      throw new Problem(409, 'too_many_entities', `This server keeps at most ${services.limits.maxEntities} entities.`);
    }
    const written = changes.map((after) => ({ before: null, after }));
    await commitChanges(services, principal, c.get('requestId'), written);
    const entity = changes[0]!.entity as Entities[EntityKind];
    const location = `/api/v1/${resources[kind].path}/${entity.id}`;
    return c.json(entity, 201, { etag: etagOf(entity), location });
  });
}

/**
 * The changes that create what a body describes: validated, with ids, not yet written.
 * @param taken ids already given away in the same request; grows
 * @throws Problem invalid_field | forbidden
 */
export function newEntities(
  services: Services,
  kind: EntityKind,
  body: Record<string, unknown>,
  principal: Principal,
  taken: Set<number> = new Set(),
): readonly CampaignChange[] {
  checkParent(services, kind, body, principal);
  const nowMs = services.clock.nowMs();
  let campaign: Entities['campaign'] | undefined;
  const make = <K extends EntityKind>(made: K, fields: Record<string, unknown>, prefix: string): Entities[K] => {
    const id = newId(services.directory, made, services.random, taken);
    taken.add(id);
    const owned = { id, version: 1, updatedMs: nowMs, ...approvalOf(made, fields, principal) };
    const entity = parseEntity(made, fields, owned, prefix);
    checkRulesOf(made, entity, prefix, { directory: services.directory, nowMs, ...(campaign && { campaign }) });
    if (made === 'campaign') campaign = entity as Entities['campaign'];
    return entity;
  };
  if (kind === 'campaign') return createCampaignTree(body, make);
  return [changeOf(kind, make(kind, body, ''))];
}

/** The rules for something nested in a request: the field is named from the request's top. */
function checkRulesOf<K extends EntityKind>(kind: K, entity: Entities[K], prefix: string, around: Surroundings): void {
  try {
    checkRules(kind, entity, undefined, around);
  } catch (error) {
    if (prefix === '' || !(error instanceof Problem) || error.options.field === undefined) throw error;
    const { field, detail } = error.options;
    throw invalidField(`${prefix}${field}`, detail.replace(`${field}: `, ''));
  }
}

/** Creatives of advertisers wait for an operator's approval. */
function approvalOf(kind: EntityKind, fields: Record<string, unknown>, principal: Principal): Record<string, unknown> {
  if (kind !== 'creative' || principal.role === 'operator') return {};
  if (fields.approval === undefined && fields.exchangeApprovals === undefined) return { approval: 'pending' };
  throw new Problem(403, 'forbidden', { detail: 'Creatives are approved by an operator.', field: 'approval' });
}

function checkParent(services: Services, kind: EntityKind, body: Record<string, unknown>, principal: Principal): void {
  const { parent } = resources[kind];
  if (parent === null) return;
  const id = body[parent.field];
  const found = typeof id === 'number' ? services.directory.get(parent.kind, id) : undefined;
  if (found === undefined || !maySee(principal, services.directory.advertiserOf(parent.kind, found))) {
    throw invalidField(parent.field, `must be the id of an existing ${parent.kind.replace('_', ' ')}`);
  }
  if (found.status === 'archived') throw invalidField(parent.field, 'is archived: nothing can be added to it');
}

async function update(services: Services, kind: EntityKind, c: ApiContext): Promise<Response> {
  const principal = c.get('principal');
  requireWriter(principal);
  find(services, kind, c);
  const body = await jsonBody(c);
  return services.directory.exclusive(async () => {
    const before = find(services, kind, c);
    checkPrecondition(c, before);
    checkOwnedFields(kind, before, body, principal);
    const merged = mergePatch(before, body) as Record<string, unknown>;
    const owned = { id: before.id, version: before.version + 1, updatedMs: services.clock.nowMs() };
    const after = parseEntity(kind, merged, reapproval(kind, before, merged, principal, owned));
    checkRules(kind, after, before, { directory: services.directory, nowMs: services.clock.nowMs() });
    const written = [{ before, after: changeOf(kind, after) }];
    await commitChanges(services, principal, c.get('requestId'), written);
    return c.json(after, 200, { etag: etagOf(after) });
  });
}

/** Links never change; money paid in and approvals belong to operators. */
function checkOwnedFields(
  kind: EntityKind,
  before: Entities[EntityKind],
  patch: Record<string, unknown>,
  principal: Principal,
): void {
  const { parent } = resources[kind];
  const old = before as unknown as Record<string, unknown>;
  for (const field of ['id', ...(parent === null ? [] : [parent.field])]) {
    if (patch[field] !== undefined && patch[field] !== old[field]) throw invalidField(field, 'can not be changed');
  }
  if (principal.role === 'operator') return;
  const reserved = kind === 'advertiser' ? ['budget', 'status', 'currency'] : ['approval', 'exchangeApprovals'];
  for (const field of reserved) {
    if (patch[field] === undefined || JSON.stringify(patch[field]) === JSON.stringify(old[field])) continue;
    throw new Problem(403, 'forbidden', { detail: `${field}: only an operator may change it.`, field });
  }
}

/** What an advertiser changes about a creative must be approved again. */
function reapproval(
  kind: EntityKind,
  before: Entities[EntityKind],
  merged: Record<string, unknown>,
  principal: Principal,
  owned: { id: number; version: number; updatedMs: number },
): typeof owned & Record<string, unknown> {
  if (kind !== 'creative' || principal.role === 'operator') return owned;
  const shown = ['format', 'banner', 'video', 'audio', 'native', 'landingUrl', 'adomain', 'bundle'];
  const old = before as unknown as Record<string, unknown>;
  const changed = shown.some((field) => JSON.stringify(merged[field]) !== JSON.stringify(old[field]));
  return changed ? { ...owned, approval: 'pending', exchangeApprovals: {} } : owned;
}
