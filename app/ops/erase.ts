import { existsSync } from 'node:fs';
import { type LoggedEvent, loggedEventSchema } from '../../core/event.ts';
import type { LogRecord } from '../../core/eventlog.ts';
import { readToken, signToken, type TokenKey } from '../../core/token.ts';
import { type BidStats, bidStatsSchema } from '../../core/topics.ts';
import { createUserHasher, type UserHasher, userHex } from '../../engine/privacy/userhash.ts';
import { forgetUsers } from '../../engine/users/forget.ts';
import type { EmbeddedLog } from '../../reporting/log/embedded.ts';
import type { KafkaLog } from '../../reporting/log/kafka.ts';
import type { Store } from '../../reporting/store/store.ts';

/** What an erasure found and did: what is kept as the proof of it. No raw id stands in it. */
export interface ErasureReport {
  readonly atMs: number;
  /** The hashes under which the user was known, 16 hex digits each. */
  readonly users: readonly string[];
  readonly audiences: { readonly memberships: number };
  /** Notices in the topic `events`. */
  readonly log: LogErasure;
  /** Requests drawn for estimates, in the topic `bidstats`: by 32 bits of the hash, so now and then somebody else's too. */
  readonly drawn: LogErasure;
  readonly store: { readonly rows: number };
}

/** What was found in one topic, records. */
export interface LogErasure {
  readonly looked: number;
  readonly erased: number;
  /** Kafka records can not be changed: when at the latest the last that names the user leaves; null when none does. */
  readonly keptUntilMs: number | 'for ever' | null;
}

/**
 * The hashes a user may be known by: an advertising id is the same everywhere, an id of one exchange carries its name.
 * The SHA-256 of an id, as advertisers upload it, is taken too.
 * @param exchanges names of the exchange profiles
 * @param salts all under which something may still be stored
 */
export function hashesOf(
  ids: readonly string[],
  exchanges: readonly string[],
  salts: readonly string[],
): readonly string[] {
  const found = new Set<string>();
  for (const salt of salts) addHashes(ids, exchanges, createUserHasher(salt), found);
  return [...found];
}

function addHashes(ids: readonly string[], exchanges: readonly string[], hasher: UserHasher, found: Set<string>): void {
  const out = new Uint32Array(2);
  for (const given of ids) {
    const id = given.trim();
    if (/^[0-9a-f]{64}$/i.test(id)) {
      hasher.hashDigest(Buffer.from(id, 'hex'), 0, out);
      found.add(userHex(out[0]!, out[1]!));
    }
    for (const text of [id, ...exchanges.map((exchange) => `${exchange}:${id}`)])
      if (hasher.hashId(text, out)) found.add(userHex(out[0]!, out[1]!));
  }
}

/**
 * An event without its user and address, signed anew, so that it has the same identity and price.
 * @returns null when it names none of these users, or can not be read
 */
export function withoutUser(
  value: Buffer | null,
  users: ReadonlySet<string>,
  keys: readonly TokenKey[],
): Buffer | null {
  if (value === null) return null;
  const event = readEvent(value);
  if (event === null) return null;
  const token = event.token === '' ? null : readToken(event.token, keys);
  const ofToken = token !== null && typeof token !== 'string' && users.has(token.user);
  const ofConversion = event.conversion !== null && users.has(event.conversion.user);
  if (!ofToken && !ofConversion) return null;
  const erased: LoggedEvent = {
    ...event,
    ip: '',
    ua: '',
    ...(ofToken ? { token: signToken({ ...token, user: '' }, keys[0]!) } : {}),
    ...(event.conversion === null ? {} : { conversion: { ...event.conversion, user: '' } }),
  };
  return Buffer.from(JSON.stringify(erased));
}

/** Bid statistics without the drawn requests of these users. @returns null when none is drawn, or it can not be read */
export function withoutDrawn(value: Buffer | null, users: ReadonlySet<string>): Buffer | null {
  const stats = value === null ? null : readStats(value);
  if (stats?.traffic === undefined) return null;
  const hashes = new Set([...users].map((user) => Number.parseInt(user.slice(8), 16)));
  const requests = stats.traffic.requests.filter(({ known, hash }) => !(known && hashes.has(hash)));
  if (requests.length === stats.traffic.requests.length) return null;
  return Buffer.from(JSON.stringify({ ...stats, traffic: { ...stats.traffic, requests } } satisfies BidStats));
}

function readStats(value: Buffer): BidStats | null {
  try {
    return bidStatsSchema.safeParse(JSON.parse(value.toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}

function readEvent(value: Buffer): LoggedEvent | null {
  try {
    return loggedEventSchema.safeParse(JSON.parse(value.toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}

export interface EraseDeps {
  readonly log: KafkaLog | EmbeddedLog;
  readonly store: Pick<Store, 'forget'>;
  /** Directory of the audiences; left out when it is not there. */
  readonly audiencesPath: string;
  readonly keys: readonly TokenKey[];
  readonly nowMs: number;
}

/** Erases users from audiences, log and store, in this order: what is in the log could be counted once more. */
export async function erase(users: readonly string[], deps: EraseDeps): Promise<ErasureReport> {
  const memberships = existsSync(deps.audiencesPath) ? await forgetUsers(deps.audiencesPath, users) : 0;
  const known = new Set(users);
  const log = await eraseFrom(deps.log, 'events', ({ value }) => withoutUser(value, known, deps.keys));
  const drawn = await eraseFrom(deps.log, 'bidstats', ({ value }) => withoutDrawn(value, known));
  const rows = await deps.store.forget(users);
  return { atMs: deps.nowMs, users, audiences: { memberships }, log, drawn, store: { rows } };
}

type Edit = (record: LogRecord) => Buffer | null;

async function eraseFrom(log: KafkaLog | EmbeddedLog, topic: 'events' | 'bidstats', edit: Edit): Promise<LogErasure> {
  if (!('rewrite' in log)) return lookThrough(log, topic, edit);
  const { looked, changed } = await log.rewrite(topic, edit);
  return { looked, erased: changed, keptUntilMs: null };
}

/** Reads all of a topic and says until when a record of the users is kept. */
async function lookThrough(log: KafkaLog, topic: 'events' | 'bidstats', edit: Edit): Promise<LogErasure> {
  const ends = new Map(
    (await log.bounds(topic)).filter((one) => one.end > one.first).map((one) => [one.partition, one.end]),
  );
  let looked = 0;
  let newestMs = Number.NEGATIVE_INFINITY;
  if (ends.size > 0) {
    await new Promise<void>((resolve, reject) => {
      const consuming = log.consume({
        topic,
        group: null,
        maxBatchRecords: 2000,
        async onBatch({ partition, records }) {
          for (const record of records) {
            looked++;
            if (edit(record) !== null) newestMs = Math.max(newestMs, record.appendedMs);
          }
          if ((records.at(-1)?.offset ?? 0) + 1 >= (ends.get(partition) ?? 0)) ends.delete(partition);
          if (ends.size === 0)
            setImmediate(() => void consuming.then((consumer) => consumer.stop()).then(resolve, reject));
        },
        onError: reject,
      });
      consuming.catch(reject);
    });
  }
  if (!Number.isFinite(newestMs)) return { looked, erased: 0, keptUntilMs: null };
  const keptForMs = await log.keptForMs(topic);
  return { looked, erased: 0, keptUntilMs: keptForMs === null ? 'for ever' : newestMs + keptForMs };
}
