import { z } from 'zod';
import { type Audience, audienceSchema } from '../../core/audience.ts';
import type { EventLog, LogConsumer, LogRecord, NewRecord } from '../../core/eventlog.ts';
import { type AudienceFiles, noteChange, openAudienceFiles, readDefinition, writeDefinition } from './audiencefiles.ts';
import { KEY_BYTES, replaceMembers } from './audiencemembers.ts';

/**
 * How audiences reach bidders on other machines: over the compacted topic `audiences`. What travels is state, never a
 * change: under `members:ID:BUCKET` stand all users of an audience whose hash begins with the twelve bits of BUCKET.
 * Whatever order records come in, and however often, the last of each key is the truth.
 */
export const BUCKETS = 4096;
/** Records of one append: a few hundred kilobytes for an audience of a million. */
const APPEND_RECORDS = 128;
/** Records of one transaction: about 8,000 users of an audience of a million, so that nothing waits long. */
const BATCH_RECORDS = 32;
/** Pairs in a received store: the audience's whole membership comes with each bucket, so generations are not needed. */
const GENERATION = 1;

const definitionRecord = z.union([
  z.strictObject({ audience: audienceSchema }),
  z.strictObject({ removed: z.literal(true) }),
]);
const membersRecord = z.strictObject({ users: z.base64() });
const bucketNumber = z
  .int()
  .min(0)
  .max(BUCKETS - 1);

/** The bucket of a user, from the first half of the hash. */
export function bucketOf(userHi: number): number {
  return userHi >>> 20;
}

/** Tells other machines what became of an audience. Resolves when the log has it. */
export interface AudienceTravel {
  saved(audience: Audience): Promise<void>;
  removed(id: number): Promise<void>;
  /** @param buckets 1 at each bucket that may have changed */
  changed(files: AudienceFiles, id: number, buckets: Uint8Array): Promise<void>;
}

/** Sends over a log. */
export function sendAudiences(log: Pick<EventLog, 'append'>): AudienceTravel {
  const define = (id: number, value: z.infer<typeof definitionRecord>) =>
    log.append('audiences', [{ key: `audience:${id}`, value: Buffer.from(JSON.stringify(value)) }]);

  async function each(buckets: Uint8Array, recordOf: (bucket: number) => NewRecord): Promise<void> {
    let records: NewRecord[] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (buckets[bucket] === 1) records.push(recordOf(bucket));
      if (records.length < APPEND_RECORDS && (bucket < BUCKETS - 1 || records.length === 0)) continue;
      await log.append('audiences', records);
      records = [];
    }
  }
  return {
    saved: (audience) => define(audience.id, { audience }),
    async removed(id) {
      // The mark stays for ever, so that a bidder that was away for long learns of it too; the users need not.
      await define(id, { removed: true });
      await each(new Uint8Array(BUCKETS).fill(1), (bucket) => ({ key: `members:${id}:${bucket}`, value: null }));
    },
    changed: (files, id, buckets) =>
      each(buckets, (bucket) => {
        const users = usersOf(files, id, bucket).toString('base64');
        return { key: `members:${id}:${bucket}`, value: Buffer.from(JSON.stringify({ users })) };
      }),
  };
}

/** First and one past the last key of a bucket. */
function boundsOf(bucket: number): { start: Buffer; end: Buffer } {
  const start = Buffer.alloc(KEY_BYTES);
  start.writeUInt32BE(bucket * 2 ** 20, 0);
  // Past the last bucket there is no key of eight bytes: one more byte than the largest.
  if (bucket === BUCKETS - 1) return { start, end: Buffer.alloc(KEY_BYTES + 1, 0xff) };
  const end = Buffer.alloc(KEY_BYTES);
  end.writeUInt32BE((bucket + 1) * 2 ** 20, 0);
  return { start, end };
}

/** The live users of an audience in one bucket, one hash after the other. */
function usersOf(files: AudienceFiles, id: number, bucket: number): Buffer {
  const generation = readDefinition(files, id)?.generation ?? 0;
  const users: Buffer[] = [];
  for (const { key, value } of files.members.getRange(boundsOf(bucket))) {
    for (let at = 0; at + 8 <= value.length; at += 8) {
      if (value.readUInt32LE(at) !== id || value.readUInt32LE(at + 4) !== generation) continue;
      users.push(Buffer.from(key));
      break;
    }
  }
  return Buffer.concat(users);
}

/** A store of this machine's own that follows the topic; bid threads read it like any other. */
export interface AudienceReceiver {
  stop(): Promise<void>;
}

/**
 * Follows the topic into a directory that nobody else writes.
 * @param onInvalid told of records that can not be read; they are left out
 * @param onError told when following has ended for good
 */
export async function receiveAudiences(
  path: string,
  log: EventLog,
  onInvalid: (key: string, why: string) => void,
  onError: (error: unknown) => void,
): Promise<AudienceReceiver> {
  const files = openAudienceFiles(path);
  const consumer: LogConsumer = await log.consume({
    topic: 'audiences',
    group: null,
    maxBatchRecords: BATCH_RECORDS,
    onBatch: async ({ records }) => {
      const steps = records.flatMap((record) => stepOf(files, record, onInvalid) ?? []);
      await files.root.transaction(() => {
        for (const step of steps) step();
      });
    },
    onError,
  });
  return {
    async stop() {
      await consumer.stop();
      await files.root.close();
    },
  };
}

type Step = () => void;

/** What a record does, to be run inside a transaction; null when it can not be read. */
function stepOf(
  files: AudienceFiles,
  { key, value }: LogRecord,
  onInvalid: (key: string, why: string) => void,
): Step | null {
  const [kind, idText, bucketText] = key.split(':');
  const id = Number(idText);
  try {
    const json: unknown = value === null ? null : JSON.parse(value.toString());
    if (kind === 'audience') {
      const said = definitionRecord.parse(json ?? { removed: true });
      return () => {
        if ('audience' in said)
          writeDefinition(files, id, { audience: said.audience, generation: GENERATION, users: 0 });
        else files.definitions.remove(id);
        noteChange(files);
      };
    }
    const range = boundsOf(bucketNumber.parse(Number(bucketText)));
    const users = json === null ? Buffer.alloc(0) : Buffer.from(membersRecord.parse(json).users, 'base64');
    return () => replaceMembers(files, { id, generation: GENERATION }, range, users);
  } catch (error) {
    onInvalid(key, String(error));
    return null;
  }
}
