import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { entityId } from '../../core/campaign.ts';
import type { Clock } from '../../core/clock.ts';
import type { Documents } from './documents.ts';

export const roles = ['operator', 'advertiser', 'read_only'] as const;
export type Role = (typeof roles)[number];

/** What is kept of an API key: never the key itself. */
export const apiKeySchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  /** The one advertiser whose data it opens; null opens all (operator and read-only keys). */
  advertiserId: entityId.nullable(),
  createdMs: z.int(),
  expiresMs: z.int().nullable(),
  revokedMs: z.int().nullable(),
  createdBy: z.string(),
});
export type ApiKey = z.infer<typeof apiKeySchema>;

export const newKeySchema = z
  .strictObject({
    name: z.string().trim().min(1).max(100),
    role: z.enum(roles),
    advertiserId: entityId.nullable().default(null),
    expiresMs: z.int().min(0).nullable().default(null),
  })
  .refine((key) => key.role !== 'advertiser' || key.advertiserId !== null, {
    path: ['advertiserId'],
    message: 'must name the advertiser that an advertiser key opens',
  })
  .refine((key) => key.role !== 'operator' || key.advertiserId === null, {
    path: ['advertiserId'],
    message: 'must be null for an operator key: operators see everything',
  });
export type NewKey = z.infer<typeof newKeySchema>;

/** Who is asking. */
export interface Principal {
  readonly keyId: string;
  readonly name: string;
  readonly role: Role;
  readonly advertiserId: number | null;
}

export interface KeyRing {
  /** @returns the record and the key itself, which exists nowhere else and is shown once. */
  create(request: NewKey, createdBy: string): Promise<{ record: ApiKey; key: string }>;
  /** The same in two steps: a key that works once `keep` has resolved. */
  draw(request: NewKey, createdBy: string): { record: ApiKey; key: string; keep: () => Promise<void> };
  /** @returns who a key belongs to, or null when it is unknown, expired or revoked */
  identify(key: string): Principal | null;
  /** The same for a key's record id, for sessions. */
  principalOf(keyId: string): Principal | null;
  list(): readonly ApiKey[];
  get(id: string): ApiKey | undefined;
  revoke(id: string): Promise<ApiKey | undefined>;
}

export interface KeyRingOptions {
  readonly documents: Documents;
  readonly clock: Clock;
  /** An operator key from the configuration: works without being stored. */
  readonly bootstrapOperatorKey: string | null;
}

const BOOTSTRAP_ID = 'bootstrap';
const MAX_KEYS = 10_000;

/** API keys: 256 random bits each, stored as their SHA-256 (enough for secrets of full entropy). */
export function createKeyRing({ documents, clock, bootstrapOperatorKey }: KeyRingOptions): KeyRing {
  const bootstrapHash = bootstrapOperatorKey === null ? null : hashKey(bootstrapOperatorKey);
  const bootstrap: Principal = {
    keyId: BOOTSTRAP_ID,
    name: 'bootstrap operator',
    role: 'operator',
    advertiserId: null,
  };

  const get = (id: string): ApiKey | undefined => {
    const found = apiKeySchema.safeParse(documents.get('key', id));
    return found.success ? found.data : undefined;
  };
  const principalOf = (id: string): Principal | null => {
    if (id === BOOTSTRAP_ID) return bootstrapHash === null ? null : bootstrap;
    const record = get(id);
    if (record === undefined || record.revokedMs !== null) return null;
    if (record.expiresMs !== null && record.expiresMs <= clock.nowMs()) return null;
    return { keyId: record.id, name: record.name, role: record.role, advertiserId: record.advertiserId };
  };

  const draw: KeyRing['draw'] = (request, createdBy) => {
    const key = `ek_${randomBytes(32).toString('base64url')}`;
    const id = `key_${randomBytes(9).toString('base64url')}`;
    const record: ApiKey = { ...request, id, createdMs: clock.nowMs(), revokedMs: null, createdBy };
    const keep = () =>
      documents.putAll([
        { collection: 'key', id, value: record },
        { collection: 'keyhash', id: hashKey(key), value: id },
      ]);
    return { record, key, keep };
  };
  return {
    draw,
    async create(request, createdBy) {
      const { keep, ...made } = draw(request, createdBy);
      await keep();
      return made;
    },
    identify(key) {
      if (key.length < 16 || key.length > 200) return null;
      // Looking a SHA-256 up by equality tells an attacker nothing about the key.
      const hash = hashKey(key);
      if (hash === bootstrapHash) return bootstrap;
      const id = documents.get('keyhash', hash);
      return typeof id === 'string' ? principalOf(id) : null;
    },
    principalOf,
    list() {
      return documents
        .list('key', { limit: MAX_KEYS })
        .map((document) => apiKeySchema.safeParse(document.value))
        .flatMap((parsed) => (parsed.success ? [parsed.data] : []));
    },
    get,
    async revoke(id) {
      const record = get(id);
      if (record === undefined || record.revokedMs !== null) return record;
      const revoked = { ...record, revokedMs: clock.nowMs() };
      await documents.put('key', id, revoked);
      return revoked;
    },
  };
}

/** The form in which a key or session token is stored: hex SHA-256. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
