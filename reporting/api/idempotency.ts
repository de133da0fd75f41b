import type { MiddlewareHandler } from 'hono';
import { z } from 'zod';
import type { ApiEnv, Services } from './context.ts';
import { hashKey } from './keys.ts';
import { Problem } from './problem.ts';

const KEEP_MS = 24 * 3_600_000;
/** Left out: keys, whose answer holds a secret that must not be kept, and uploads, which are not held in memory. */
const leftOut = /\/api\/v1\/(keys|users|audiences\/\d+\/users)$/;

const storedSchema = z.strictObject({
  fingerprint: z.string(),
  status: z.int(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
  atMs: z.int(),
});

/**
 * `Idempotency-Key` on POST: a repeated request gets the first one's answer for 24 hours. The same key with another
 * body or path is refused. Answers of 5xx are not kept, so that they can be tried again.
 */
export function idempotent({ documents, clock }: Pick<Services, 'documents' | 'clock'>): MiddlewareHandler<ApiEnv> {
  const running = new Set<string>();
  const forget = async (): Promise<void> => {
    const oldest = documents.list('idempotency-time', { limit: 5 });
    for (const { id, value } of oldest) {
      if (Number(id.slice(0, 15)) > clock.nowMs() - KEEP_MS) return;
      await documents.remove('idempotency', String(value));
      await documents.remove('idempotency-time', id);
    }
  };
  return async (c, next) => {
    const key = c.req.header('idempotency-key');
    if (key === undefined || c.req.method !== 'POST' || leftOut.test(c.req.path)) return next();
    if (!/^[\x21-\x7e]{1,200}$/.test(key)) {
      throw new Problem(400, 'bad_request', 'Idempotency-Key must be 1 to 200 visible ASCII characters.');
    }
    const id = hashKey(`${c.get('principal').keyId}:${key}`);
    const fingerprint = hashKey(`${c.req.method} ${c.req.path} ${await c.req.text()}`);
    const found = storedSchema.safeParse(documents.get('idempotency', id));
    if (found.success && found.data.atMs > clock.nowMs() - KEEP_MS) {
      const stored = found.data;
      if (stored.fingerprint !== fingerprint) {
        throw new Problem(
          422,
          'idempotency_mismatch',
          'This Idempotency-Key came with another request before. Use a new one.',
        );
      }
      return c.body(stored.body, stored.status as 200, { ...stored.headers, 'idempotency-replayed': 'true' });
    }
    if (running.has(id))
      throw new Problem(409, 'idempotency_busy', 'The first request with this key is still running.');
    running.add(id);
    try {
      await next();
      if (c.res.status >= 500 || c.res.status === 429) return;
      const atMs = clock.nowMs();
      const headers: Record<string, string> = {};
      for (const name of ['content-type', 'etag', 'location']) {
        const value = c.res.headers.get(name);
        if (value !== null) headers[name] = value;
      }
      const stored = { fingerprint, status: c.res.status, headers, body: await c.res.clone().text(), atMs };
      const time = `${String(atMs).padStart(15, '0')}-${id}`;
      await documents.putAll([
        { collection: 'idempotency', id, value: stored },
        { collection: 'idempotency-time', id: time, value: id },
      ]);
      await forget();
    } finally {
      running.delete(id);
    }
  };
}
