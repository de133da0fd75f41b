import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { Documents } from './documents.ts';
import { hashKey, type KeyRing, type Principal } from './keys.ts';

const sessionSchema = z.strictObject({ keyId: z.string(), expiresMs: z.int() });

/** Browser sessions: a random cookie that stands for an API key, so that the key itself need not stay in the browser. */
export interface Sessions {
  /** @returns the cookie's value */
  start(principal: Principal): Promise<string>;
  identify(cookie: string): Principal | null;
  end(cookie: string): Promise<void>;
}

export interface SessionOptions {
  readonly documents: Documents;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly lifetimeMs: number;
}

export function createSessions({ documents, clock, keys, lifetimeMs }: SessionOptions): Sessions {
  return {
    async start(principal) {
      const cookie = randomBytes(32).toString('base64url');
      const session = { keyId: principal.keyId, expiresMs: clock.nowMs() + lifetimeMs };
      await documents.put('session', hashKey(cookie), session);
      return cookie;
    },
    identify(cookie) {
      if (cookie.length > 100) return null;
      const found = sessionSchema.safeParse(documents.get('session', hashKey(cookie)));
      if (!found.success || found.data.expiresMs <= clock.nowMs()) return null;
      return keys.principalOf(found.data.keyId);
    },
    async end(cookie) {
      await documents.remove('session', hashKey(cookie));
    },
  };
}
