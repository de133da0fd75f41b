import { randomUUID } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Logger } from 'pino';
import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { Reports } from '../../core/report.ts';
import type { Directory } from './directory.ts';
import type { Documents } from './documents.ts';
import type { KeyRing, Principal } from './keys.ts';
import type { People } from './people.ts';
import { Problem, problemBody } from './problem.ts';
import type { Sessions } from './sessions.ts';

/** What every route works with. */
export interface Services {
  readonly directory: Directory;
  readonly documents: Documents;
  readonly keys: KeyRing;
  readonly sessions: Sessions;
  readonly people: People;
  readonly reports: Reports;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: ApiLimits;
}

export interface ApiLimits {
  /** Largest request body, bytes. */
  readonly maxBodyBytes: number;
  /** Largest upload of an audience, bytes; it is read as a stream. */
  readonly maxUploadBytes: number;
  /** Entities of all kinds together. */
  readonly maxEntities: number;
  /** Files of ads of all kinds together, bytes. */
  readonly maxAdFilesBytes: number;
  /** Open live streams (server-sent events). */
  readonly maxStreams: number;
  /** Rows of one JSON report. */
  readonly maxReportRows: number;
  /** Report queries that run at once; more wait for their turn. */
  readonly maxConcurrentReports: number;
  /** Requests per key and minute. */
  readonly maxRequestsPerMinute: number;
}

export interface ApiEnv {
  Variables: { principal: Principal; requestId: string; viaSession: boolean };
}
export type ApiContext = Context<ApiEnv>;
export const SESSION_COOKIE = 'evenkeel_session';

/** Gives every request an id: the caller's `X-Request-Id` when it is a plain word, else a new one. */
export const requestIds: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const given = c.req.header('x-request-id');
  const id = given !== undefined && /^[\w-]{1,64}$/.test(given) ? given : randomUUID();
  c.set('requestId', id);
  await next();
  c.header('x-request-id', id);
};

/** Turns what was thrown into problem details; anything unexpected is logged and shown without its insides. */
export function problemResponse(thrown: unknown, c: ApiContext, logger: Logger): Response {
  const problem = asProblem(thrown);
  if (problem.status >= 500)
    logger.error({ err: thrown, path: c.req.path, requestId: c.get('requestId') }, 'request failed');
  const body = problemBody(problem, c.req.path, c.get('requestId') ?? '');
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', ...problem.options.headers };
  if (problem.status === 401) headers['www-authenticate'] = 'Bearer realm="evenkeel"';
  return c.body(JSON.stringify(body), problem.status as 400, headers);
}

function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof Error && thrown.cause instanceof Problem) return thrown.cause;
  const code = (thrown as { code?: unknown } | null)?.code;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (code === 'report_unsupported')
    return new Problem(422, 'report_unsupported', { detail: message, field: 'dimensions' });
  if (code === 'report_order') return new Problem(422, 'invalid_field', { detail: message, field: 'order' });
  if (code === 'audience_upload_busy') {
    return new Problem(503, 'overloaded', { detail: message, headers: { 'retry-after': '5' } });
  }
  if (code === 'store_busy')
    return new Problem(503, 'overloaded', { detail: message, headers: { 'retry-after': '10' } });
  if (code === 'audience_upload_broken') return new Problem(400, 'bad_request', message);
  if (code === 'store_unavailable') {
    return new Problem(503, 'store_unavailable', { detail: message, headers: { 'retry-after': '5' } });
  }
  return new Problem(500, 'unexpected', 'The failure was logged. Quote the requestId when you report it.');
}

/** Finds out who is asking, by `Authorization: Bearer` or by session cookie. */
export function authenticate(services: Pick<Services, 'keys' | 'sessions'>): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const header = c.req.header('authorization');
    let principal: Principal | null = null;
    if (header !== undefined) {
      const match = /^Bearer +(\S+)$/i.exec(header);
      principal = match === null ? null : services.keys.identify(match[1]!);
    } else {
      const cookie = getCookie(c, SESSION_COOKIE);
      principal = cookie === undefined ? null : services.sessions.identify(cookie);
      if (principal !== null) refuseForgery(c);
      c.set('viaSession', principal !== null);
    }
    if (principal === null) {
      throw new Problem(
        401,
        'unauthenticated',
        'Send `Authorization: Bearer KEY` with a key that is valid and not expired.',
      );
    }
    c.set('principal', principal);
    await next();
    if (c.res.headers.get('cache-control') === null) c.header('cache-control', 'no-store');
  };
}

/** A cookie travels by itself, so a change made with one must carry a header that other sites can not send. */
export function refuseForgery(c: ApiContext): void {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return;
  const site = c.req.header('sec-fetch-site');
  const sameSite = site === undefined || site === 'same-origin' || site === 'none';
  if (sameSite && c.req.header('x-evenkeel-client') !== undefined) return;
  throw new Problem(
    403,
    'csrf',
    'Changes made with a session need the header X-Evenkeel-Client, from the same origin.',
  );
}

/** @throws Problem forbidden unless the caller is an operator */
export function requireOperator(principal: Principal): void {
  if (principal.role !== 'operator') throw new Problem(403, 'forbidden', 'Only an operator key may do that.');
}

/** @throws Problem forbidden for read-only keys */
export function requireWriter(principal: Principal): void {
  if (principal.role === 'read_only') throw new Problem(403, 'forbidden', 'This key can only read.');
}

/** Whether the caller may know of this advertiser. A null scope sees all. */
export function maySee(principal: Principal, advertiserId: number | undefined): boolean {
  return principal.advertiserId === null || principal.advertiserId === advertiserId;
}

/** Reads a JSON object body. @throws Problem unsupported_media_type | invalid_json */
export async function jsonBody(c: ApiContext): Promise<Record<string, unknown>> {
  const type = c.req.header('content-type') ?? '';
  if (!/^application\/(merge-patch\+)?json\b/i.test(type)) {
    throw new Problem(415, 'unsupported_media_type', 'Send Content-Type: application/json.');
  }
  let body: unknown;
  try {
    body = JSON.parse(await c.req.text());
  } catch {
    throw new Problem(400, 'invalid_json', 'The body must be one JSON object.');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Problem(400, 'invalid_json', 'The body must be one JSON object.');
  }
  return body as Record<string, unknown>;
}
