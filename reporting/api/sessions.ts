import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { Documents } from './documents.ts';
import { hashKey, type KeyRing, type Principal } from './keys.ts';
import type { People } from './people.ts';

const sessionSchema = z.strictObject({ keyId: z.string(), expiresMs: z.int() });

/** Browser sessions: a random cookie that stands for an API key or a person, so that no secret stays in the browser. */
export interface Sessions {
  /** @returns the cookie's value */
  start(principal: Principal): Promise<string>;
  identify(cookie: string): Principal | null;
  end(cookie: string): Promise<void>;
  /** Who a session's or a key's owner is now; null when the key is revoked or the person gone. */
  principalOf(keyId: string): Principal | null;
}

export interface SessionOptions {
  readonly documents: Documents;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly people: People;
  readonly lifetimeMs: number;
}

export function createSessions({ documents, clock, keys, people, lifetimeMs }: SessionOptions): Sessions {
  const principalOf = (id: string) => (id.startsWith('user:') ? people.principalOf(id) : keys.principalOf(id));
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
      return principalOf(found.data.keyId);
    },
    async end(cookie) {
      await documents.remove('session', hashKey(cookie));
    },
    principalOf,
  };
}
