import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { entityId } from '../../core/campaign.ts';
import type { Clock } from '../../core/clock.ts';
import type { Documents } from './documents.ts';
import { type Principal, roles } from './keys.ts';

/** Someone who logs in by e-mail and password. The password is kept as salted scrypt. */
const personSchema = z.strictObject({
  email: z.string(),
  name: z.string(),
  role: z.enum(roles),
  advertiserId: entityId.nullable(),
  createdMs: z.int(),
  salt: z.string(),
  hash: z.string(),
});
type Person = z.infer<typeof personSchema>;
export const publicPersonSchema = personSchema.omit({ salt: true, hash: true });
export type PublicPerson = z.infer<typeof publicPersonSchema>;

export const newPersonSchema = z
  .strictObject({
    email: z.email().max(200).toLowerCase(),
    name: z.string().trim().min(1).max(100),
    password: z.string().min(12, 'must have at least 12 characters').max(200),
    role: z.enum(roles),
    advertiserId: entityId.nullable().default(null),
  })
  .refine((person) => (person.role === 'advertiser' ? person.advertiserId !== null : true), {
    path: ['advertiserId'],
    message: 'must name the advertiser',
  })
  .refine((person) => (person.role === 'operator' ? person.advertiserId === null : true), {
    path: ['advertiserId'],
    message: 'must be null for an operator',
  });
export type NewPerson = z.infer<typeof newPersonSchema>;

export interface People {
  /** @returns null when the address is taken */
  create(person: NewPerson): Promise<PublicPerson | null>;
  /** Takes the same time whether or not the address is known. */
  verify(email: string, password: string): Promise<Principal | null>;
  /** By the subject of a session: `user:EMAIL`. */
  principalOf(subject: string): Principal | null;
  list(): readonly PublicPerson[];
  remove(email: string): Promise<boolean>;
}

/** OWASP's recommendation for scrypt: N = 2^17, r = 8, p = 1, 128 MiB. */
const COST: ScryptOptions = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };
const MAX_PEOPLE = 10_000;

export function createPeople({
  documents,
  clock,
  cost = COST,
}: {
  documents: Documents;
  clock: Clock;
  cost?: ScryptOptions;
}): People {
  const get = (email: string): Person | null => {
    const found = personSchema.safeParse(documents.get('person', email));
    return found.success ? found.data : null;
  };
  const derive = (password: string, salt: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      scrypt(password.normalize('NFKC'), salt, 32, cost, (error, key) =>
        error === null ? resolve(key) : reject(error),
      );
    });
  const noSalt = randomBytes(16);
  return {
    async create({ password, ...person }) {
      if (get(person.email) !== null) return null;
      const salt = randomBytes(16);
      const hash = (await derive(password, salt)).toString('base64');
      const kept: Person = { ...person, createdMs: clock.nowMs(), salt: salt.toString('base64'), hash };
      await documents.put('person', person.email, kept);
      return publicPersonSchema.parse(withoutSecrets(kept));
    },
    async verify(email, password) {
      const person = get(email.toLowerCase());
      const derived = await derive(password, person === null ? noSalt : Buffer.from(person.salt, 'base64'));
      if (person === null || !timingSafeEqual(derived, Buffer.from(person.hash, 'base64'))) return null;
      return principal(person);
    },
    principalOf(subject) {
      const person = subject.startsWith('user:') ? get(subject.slice('user:'.length)) : null;
      return person === null ? null : principal(person);
    },
    list: () =>
      documents
        .list('person', { limit: MAX_PEOPLE })
        .map(({ value }) => personSchema.safeParse(value))
        .flatMap((parsed) => (parsed.success ? [withoutSecrets(parsed.data)] : [])),
    async remove(email) {
      if (get(email) === null) return false;
      await documents.remove('person', email);
      return true;
    },
  };
}

function withoutSecrets({ salt: _salt, hash: _hash, ...rest }: Person): PublicPerson {
  return rest;
}

function principal({ email, name, role, advertiserId }: Person): Principal {
  return { keyId: `user:${email}`, name, role, advertiserId };
}
