import { Hono } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { z } from 'zod';
import { type ApiEnv, jsonBody, refuseForgery, requireOperator, SESSION_COOKIE, type Services } from './context.ts';
import { newKeySchema, type Principal } from './keys.ts';
import { invalidField, invalidInput, Problem } from './problem.ts';

const loginSchema = z.strictObject({ key: z.string().min(1).max(200) });

/** Login and logout: the only API routes that need no key. */
export function sessionRoutes(services: Services, lifetimeMs: number): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post('/session', async (c) => {
    refuseForgery(c);
    const parsed = loginSchema.safeParse(await jsonBody(c));
    if (!parsed.success) throw invalidInput(parsed.error);
    const principal = services.keys.identify(parsed.data.key);
    if (principal === null) throw new Problem(401, 'unauthenticated', 'This key is unknown, expired or revoked.');
    setCookie(c, SESSION_COOKIE, await services.sessions.start(principal), {
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
      secure: new URL(c.req.url).protocol === 'https:',
      maxAge: Math.floor(lifetimeMs / 1000),
    });
    return c.json(publicPrincipal(principal), 201);
  });
  app.delete('/session', async (c) => {
    refuseForgery(c);
    const cookie = getCookie(c, SESSION_COOKIE);
    if (cookie !== undefined) await services.sessions.end(cookie);
    deleteCookie(c, SESSION_COOKIE, { path: '/' });
    return c.body(null, 204);
  });
  return app;
}

/** `GET /me` and the operators' key management. */
export function keyRoutes(services: Services): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/me', (c) => c.json(publicPrincipal(c.get('principal'))));
  app.get('/keys', (c) => {
    requireOperator(c.get('principal'));
    return c.json({ items: services.keys.list(), nextCursor: null });
  });
  app.post('/keys', async (c) => {
    const principal = c.get('principal');
    requireOperator(principal);
    const parsed = newKeySchema.safeParse(await jsonBody(c));
    if (!parsed.success) throw invalidInput(parsed.error);
    const { advertiserId, expiresMs } = parsed.data;
    if (advertiserId !== null && services.directory.get('advertiser', advertiserId) === undefined) {
      throw invalidField('advertiserId', 'must be the id of an existing advertiser');
    }
    if (expiresMs !== null && expiresMs <= services.clock.nowMs()) throw invalidField('expiresMs', 'is in the past');
    const { record, key } = await services.keys.create(parsed.data, principal.name);
    return c.json({ ...record, key }, 201);
  });
  app.delete('/keys/:id', async (c) => {
    requireOperator(c.get('principal'));
    const revoked = await services.keys.revoke(c.req.param('id'));
    if (revoked === undefined) throw new Problem(404, 'not_found', 'There is no such key.');
    return c.json(revoked);
  });
  return app;
}

function publicPrincipal(principal: Principal): Record<string, unknown> {
  const { name, role, advertiserId } = principal;
  return { name, role, advertiserId };
}
