import { Hono } from 'hono';
import { z } from 'zod';
import { killSwitchSchema } from '../../core/topics.ts';
import { commitChanges } from './audit.ts';
import { type ApiEnv, jsonBody, requireOperator, type Services } from './context.ts';
import type { Directory } from './directory.ts';
import { filtersOf, pageOf, yesNo } from './paging.ts';
import { invalidField, invalidInput } from './problem.ts';

export const switchChangeSchema = z.strictObject({
  on: z.boolean(),
  /** Why, for whoever finds it on tomorrow. */
  reason: z.string().trim().min(3).max(400),
});

/** `GET /switches`, `PUT /switches/{scope}`: stop and resume bidding for everything, an exchange, an advertiser, a campaign. */
export function switchRoutes(services: Services): Hono<ApiEnv> {
  const { directory, logger } = services;
  const app = new Hono<ApiEnv>();
  app.get('/switches', (c) => {
    requireOperator(c.get('principal'));
    const { on } = filtersOf(c, z.object({ on: yesNo }));
    const found = directory.switches().filter((one) => on === undefined || one.on === on);
    return c.json(pageOf(c, found, { keyOf: ({ scope }) => scope, limit: 1000 }));
  });
  app.put('/switches/:scope', async (c) => {
    const principal = c.get('principal');
    requireOperator(principal);
    const scope = c.req.param('scope');
    checkScope(directory, scope);
    const parsed = switchChangeSchema.safeParse(await jsonBody(c));
    if (!parsed.success) throw invalidInput(parsed.error);
    const { on, reason } = parsed.data;
    const entity = killSwitchSchema.parse({ scope, on, reason: `${reason} (${principal.name})`.slice(0, 500) });
    const before = directory.switches().find((one) => one.scope === scope) ?? { scope, on: false, reason: '' };
    const written = [{ before, after: { kind: 'switch', entity } as const }];
    await directory.exclusive(() => commitChanges(services, principal, c.get('requestId'), written));
    logger.warn({ scope, on, reason, by: principal.name, requestId: c.get('requestId') }, 'kill switch');
    return c.json(entity);
  });
  return app;
}

/** A switch for something that does not exist would look as if it worked. @throws Problem invalid_field */
function checkScope(directory: Directory, scope: string): void {
  const [, kind, name = ''] = /^(all|exchange|advertiser|campaign)(?::([A-Za-z0-9_.-]{1,32}))?$/.exec(scope) ?? [];
  if (kind === undefined || (kind === 'all') !== (name === '')) {
    throw invalidField('scope', 'must be all, exchange:NAME, advertiser:ID or campaign:ID');
  }
  if (kind !== 'advertiser' && kind !== 'campaign') return;
  if (!/^\d{1,10}$/.test(name) || directory.get(kind, Number(name)) === undefined) {
    throw invalidField('scope', `there is no ${kind} ${name}`);
  }
}
