import { Hono } from 'hono';
import { z } from 'zod';
import {
  type Audience,
  type AudienceEntry,
  type AudienceStore,
  audienceSchema,
  audienceUploadModes,
} from '../../core/audience.ts';
import { audited } from './audit.ts';
import { checkPrecondition } from './concurrency.ts';
import { type ApiContext, type ApiEnv, jsonBody, maySee, requireWriter, type Services } from './context.ts';
import { advertiserFilter, filtersOf, named, nameFilter, pageOf, sortable } from './paging.ts';
import { invalidField, invalidInput, Problem } from './problem.ts';
import { etagOf, mergePatch, newAudienceId } from './resources.ts';

export const newAudienceSchema = audienceSchema.pick({ advertiserId: true, name: true });
const patchSchema = z.strictObject({
  name: audienceSchema.shape.name.optional(),
  status: z.enum(['active', 'paused']).optional(),
});
const audienceFilters = z.object({
  advertiserId: advertiserFilter,
  status: audienceSchema.shape.status.unwrap().optional(),
  name: nameFilter,
});
const modeSchema = z.enum(audienceUploadModes);

/** `/audiences`: an advertiser's own lists of users, as hashes. */
export function audienceRoutes(services: Services, store: AudienceStore | null): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const open = (): AudienceStore => {
    if (store === null) throw new Problem(503, 'not_ready', 'This server keeps no audiences.');
    return store;
  };
  const find = (c: ApiContext): AudienceEntry => {
    const id = c.req.param('id') ?? '';
    const entry = /^\d{1,10}$/.test(id) ? open().get(Number(id)) : null;
    if (entry === null || !maySee(c.get('principal'), entry.audience.advertiserId)) {
      throw new Problem(404, 'not_found', 'There is no such audience.');
    }
    return entry;
  };
  const shown = ({ audience, users, matchedUntilMs }: AudienceEntry) => ({ ...audience, users, matchedUntilMs });

  app.get('/audiences', (c) => {
    const { advertiserId, status, name } = filtersOf(c, audienceFilters);
    const found = (store?.list() ?? [])
      .map(shown)
      .filter((audience) => maySee(c.get('principal'), audience.advertiserId))
      .filter((audience) => advertiserId === undefined || audience.advertiserId === advertiserId)
      .filter((audience) => (status === undefined || audience.status === status) && named(audience.name, name));
    return c.json(pageOf(c, found, { keyOf: ({ id }) => sortable(id) }));
  });
  app.post('/audiences', async (c) => {
    const principal = c.get('principal');
    requireWriter(principal);
    const parsed = newAudienceSchema.strict().safeParse(await jsonBody(c));
    if (!parsed.success) throw invalidInput(parsed.error);
    const { advertiserId } = parsed.data;
    if (services.directory.get('advertiser', advertiserId) === undefined || !maySee(principal, advertiserId)) {
      throw invalidField('advertiserId', 'must be the id of an existing advertiser');
    }
    const id = newAudienceId((taken) => open().get(taken) !== null, services.random);
    const audience = audienceSchema.parse({ ...parsed.data, id, version: 1, updatedMs: services.clock.nowMs() });
    const change = { kind: 'audience', id, name: audience.name, action: 'create', after: audience } as const;
    await audited(services, c, change, () => open().save(audience));
    return c.json(shown({ audience, users: 0, matchedUntilMs: null }), 201, {
      etag: etagOf(audience),
      location: `/api/v1/audiences/${id}`,
    });
  });
  app.get('/audiences/:id', (c) => {
    const entry = find(c);
    return c.json(shown(entry), 200, { etag: etagOf(entry.audience) });
  });
  app.patch('/audiences/:id', async (c) => {
    requireWriter(c.get('principal'));
    const entry = find(c);
    const { audience: before } = entry;
    checkPrecondition(c, before);
    const patch = patchSchema.safeParse(await jsonBody(c));
    if (!patch.success) throw invalidInput(patch.error);
    const merged = mergePatch(before, patch.data) as Audience;
    const after = audienceSchema.parse({ ...merged, version: before.version + 1, updatedMs: services.clock.nowMs() });
    const change = { kind: 'audience', id: after.id, name: after.name, action: 'update', before, after } as const;
    await audited(services, c, change, () => open().save(after));
    return c.json(shown({ ...entry, audience: after }), 200, { etag: etagOf(after) });
  });
  app.delete('/audiences/:id', async (c) => {
    requireWriter(c.get('principal'));
    const { audience: before, users } = find(c);
    const { id, name } = before;
    const change = { kind: 'audience', id, name, action: 'delete', before: { ...before, users } } as const;
    await audited(services, c, change, () => open().remove(id));
    return c.body(null, 204);
  });
  app.post('/audiences/:id/users', async (c) => {
    requireWriter(c.get('principal'));
    const { audience, users } = find(c);
    const mode = modeSchema.safeParse(c.req.query('mode') ?? 'add');
    if (!mode.success) throw invalidField('mode', `must be ${audienceUploadModes.join(', ')}`);
    const body = c.req.raw.body;
    if (body === null) throw new Problem(400, 'bad_request', 'Send one user hash a line.');
    const { id, name } = audience;
    const change = {
      kind: 'audience',
      id,
      name,
      action: 'upload',
      before: { users },
      after: { mode: mode.data },
    } as const;
    const upload = () => open().upload(id, mode.data, limited(body, services.limits.maxUploadBytes));
    return c.json(await audited(services, c, change, upload));
  });
  return app;
}

/** The chunks of a body up to a size. @throws Problem body_too_large */
async function* limited(body: ReadableStream<Uint8Array>, maxBytes: number): AsyncIterable<Uint8Array> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new Problem(413, 'body_too_large', `An upload may have at most ${maxBytes} bytes.`);
    yield chunk;
  }
}
