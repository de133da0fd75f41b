import { Hono } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { z } from 'zod';
import { audited } from './audit.ts';
import {
  type ApiContext,
  type ApiEnv,
  jsonBody,
  refuseForgery,
  requireOperator,
  SESSION_COOKIE,
  type Services,
} from './context.ts';
import { type ApiKey, newKeySchema, type Principal, roles } from './keys.ts';
import { advertiserFilter, filtersOf, named, nameFilter, pageOf, yesNo } from './paging.ts';
import { newPersonSchema } from './people.ts';
import { invalidField, invalidInput, Problem } from './problem.ts';
import { createLimiter, type Limiter } from './ratelimit.ts';

export const loginSchema = z.union([
  z.strictObject({ key: z.string().min(1).max(200) }),
  z.strictObject({ email: z.string().min(1).max(200), password: z.string().min(1).max(200) }),
]);
/** Failed logins per address (of the network and of the person) and minute. */
const MAX_FAILED_LOGINS = 10;

/** Login and logout: the only API routes that need no key. */
export function sessionRoutes(services: Services, lifetimeMs: number): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const failures = createLimiter(MAX_FAILED_LOGINS, services.clock);
  app.post('/session', async (c) => {
    refuseForgery(c);
    const parsed = loginSchema.safeParse(await jsonBody(c));
    if (!parsed.success) throw invalidInput(parsed.error);
    const principal = await logIn(services, failures, c, parsed.data);
    setCookie(c, SESSION_COOKIE, await services.sessions.start(principal), {
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
      secure: new URL(c.req.url).protocol === 'https:',
      maxAge: Math.floor(lifetimeMs / 1000),
    });
    return c.json(publicPrincipal(services, principal), 201);
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

/** @throws Problem unauthenticated | too_many_requests */
async function logIn(
  services: Services,
  failures: Limiter,
  c: ApiContext,
  login: z.infer<typeof loginSchema>,
): Promise<Principal> {
  const byKey = 'key' in login;
  const incoming = (c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined)?.incoming;
  const counted = [
    `ip:${incoming?.socket?.remoteAddress ?? ''}`,
    ...(byKey ? [] : [`email:${login.email.toLowerCase()}`]),
  ];
  if (counted.some((id) => failures.isExhausted(id))) {
    const headers = { 'retry-after': '60' };
    throw new Problem(429, 'too_many_requests', { detail: 'Too many failed logins. Wait a minute.', headers });
  }
  const principal = byKey
    ? services.keys.identify(login.key)
    : await services.people.verify(login.email, login.password);
  if (principal !== null) return principal;
  for (const id of counted) failures.use(id);
  const detail = byKey ? 'This key is unknown, expired or revoked.' : 'E-mail or password is wrong.';
  throw new Problem(401, 'unauthenticated', detail);
}

const peopleFilters = z.object({
  advertiserId: advertiserFilter,
  role: z.enum(roles).optional(),
  /** Part of the name or the e-mail. */
  name: nameFilter,
});
const keyFilters = peopleFilters.extend({ active: yesNo });

function isActive({ revokedMs, expiresMs }: ApiKey, nowMs: number): boolean {
  return revokedMs === null && (expiresMs === null || expiresMs > nowMs);
}

/** `GET /me` and the operators' key management. */
export function keyRoutes(services: Services): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/me', (c) => c.json(publicPrincipal(services, c.get('principal'))));
  app.get('/keys', (c) => {
    requireOperator(c.get('principal'));
    const { advertiserId, role, name, active } = filtersOf(c, keyFilters);
    const nowMs = services.clock.nowMs();
    const keys = services.keys
      .list()
      .filter((key) => advertiserId === undefined || key.advertiserId === advertiserId)
      .filter((key) => (role === undefined || key.role === role) && named(key.name, name))
      .filter((key) => active === undefined || isActive(key, nowMs) === active);
    return c.json(pageOf(c, keys, { keyOf: ({ id }) => id }));
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
    const { record, key, keep } = services.keys.draw(parsed.data, principal.name);
    const { id, name } = record;
    await audited(services, c, { kind: 'key', id, name, action: 'create', after: record }, keep);
    return c.json({ ...record, key }, 201);
  });
  app.delete('/keys/:id', async (c) => {
    requireOperator(c.get('principal'));
    const before = services.keys.get(c.req.param('id'));
    if (before === undefined) throw new Problem(404, 'not_found', 'There is no such key.');
    if (before.revokedMs !== null) return c.json(before);
    const { id, name } = before;
    const after = { ...before, revokedMs: services.clock.nowMs() };
    const change = { kind: 'key', id, name, action: 'update', before, after } as const;
    return c.json(await audited(services, c, change, () => services.keys.revoke(id)));
  });
  return app;
}

/** `/users`: who may log in by e-mail and password. Operators only. */
export function peopleRoutes(services: Services): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/users', (c) => {
    requireOperator(c.get('principal'));
    const { advertiserId, role, name } = filtersOf(c, peopleFilters);
    const people = services.people
      .list()
      .filter((person) => advertiserId === undefined || person.advertiserId === advertiserId)
      .filter((person) => role === undefined || person.role === role)
      .filter((person) => named(`${person.name} ${person.email}`, name));
    return c.json(pageOf(c, people, { keyOf: ({ email }) => email }));
  });
  app.post('/users', async (c) => {
    requireOperator(c.get('principal'));
    const parsed = newPersonSchema.safeParse(await jsonBody(c));
    if (!parsed.success) throw invalidInput(parsed.error);
    const { advertiserId, email } = parsed.data;
    if (advertiserId !== null && services.directory.get('advertiser', advertiserId) === undefined) {
      throw invalidField('advertiserId', 'must be the id of an existing advertiser');
    }
    const taken = new Problem(409, 'conflict', { detail: `${email} can log in already.`, field: 'email' });
    if (services.people.principalOf(`user:${email}`) !== null) throw taken;
    const { password: _, ...after } = parsed.data;
    const change = { kind: 'user', id: email, name: after.name, action: 'create', after } as const;
    const made = await audited(services, c, change, () => services.people.create(parsed.data));
    if (made === null) throw taken;
    return c.json(made, 201);
  });
  app.delete('/users/:email', async (c) => {
    requireOperator(c.get('principal'));
    const email = c.req.param('email').toLowerCase();
    const before = services.people.list().find((person) => person.email === email);
    if (before === undefined) throw new Problem(404, 'not_found', 'There is no such user.');
    const change = { kind: 'user', id: email, name: before.name, action: 'delete', before } as const;
    await audited(services, c, change, () => services.people.remove(email));
    return c.body(null, 204);
  });
  return app;
}

/** Who is there; with the zone and currency of its advertiser, null for those who see all. */
function publicPrincipal({ directory }: Services, principal: Principal): Record<string, unknown> {
  const { name, role, advertiserId } = principal;
  const own = advertiserId === null ? undefined : directory.get('advertiser', advertiserId);
  return { name, role, advertiserId, timeZone: own?.timeZone ?? null, currency: own?.currency ?? null };
}
