import { type AudienceFiles, eachDefinition, noteChange, readDefinition, writeDefinition } from './audiencefiles.ts';

export const KEY_BYTES = 8;
const PAIR_BYTES = 8;
const SWEEP_BATCH = 5000;
/** One user in more audiences than this keeps the newest. */
const MAX_PAIRS = 256;
/** One transaction, so that a large chunk of an upload can not hold the writer for long. */
const FLUSH_USERS = 20_000;

export interface MemberWriter {
  /** Notes a user; nothing is written before `flush`. */
  add(userHi: number, userLo: number): void;
  /** Users noted and not yet written. */
  pending(): number;
  /** Writes what was noted, in transactions of bounded size. */
  flush(): Promise<void>;
  /** Makes the result what readers see. @returns users in the audience */
  finish(): Promise<number>;
}

export interface MemberWriterOptions {
  readonly id: number;
  /** The generation that pairs are written with. */
  readonly generation: number;
  /** Whether each transaction also updates the audience's count; false when the generation is not yet current. */
  readonly publish: boolean;
  readonly removing: boolean;
}

/** Adds users to one audience or takes them out, in batches sorted by key so that neighbours share pages. */
export function createMemberWriter(files: AudienceFiles, options: MemberWriterOptions): MemberWriter {
  const { id, generation, publish, removing } = options;
  let users = publish ? (readDefinition(files, id)?.users ?? 0) : 0;
  let noted: bigint[] = [];
  const key = Buffer.alloc(KEY_BYTES);
  const current = currentGenerations(files);
  // Until a replacement is published readers still see the generation it replaces.
  const isLive: IsLive = (audienceId, at) =>
    current.get(audienceId) === at || (audienceId === id && at === generation && !removing);

  const writeSome = (keys: readonly bigint[]): number => {
    let change = 0;
    for (const user of keys) {
      key.writeBigUInt64BE(user);
      const before = files.members.getBinary(key);
      const had = before !== undefined && findPair(before, id, generation) >= 0;
      if (had !== removing) continue;
      const after = rewrite(before, isLive, removing ? id : 0, removing ? null : { id, generation });
      change += removing ? -1 : 1;
      if (after.length === 0) files.members.remove(Buffer.from(key));
      else files.members.put(Buffer.from(key), after);
    }
    return change;
  };
  return {
    add: (userHi, userLo) => {
      noted.push((BigInt(userHi) << 32n) | BigInt(userLo));
    },
    pending: () => noted.length,
    async flush() {
      const sorted = BigUint64Array.from(noted).sort();
      noted = [];
      for (let from = 0; from < sorted.length; from += FLUSH_USERS) {
        await files.root.transaction(() => {
          users += writeSome([...sorted.subarray(from, from + FLUSH_USERS)]);
          const definition = readDefinition(files, id);
          if (publish && definition !== null) writeDefinition(files, id, { ...definition, users });
        });
      }
    },
    async finish() {
      await files.root.transaction(() => {
        const definition = readDefinition(files, id);
        if (definition !== null) writeDefinition(files, id, { ...definition, generation, users });
        noteChange(files);
      });
      return users;
    },
  };
}

/** Drops pairs of forgotten audiences and replaced generations, a batch at a time. @returns users looked at */
export async function sweepMembers(files: AudienceFiles, stop: () => boolean): Promise<number> {
  const current = currentGenerations(files);
  const isLive: IsLive = (id, generation) => current.get(id) === generation;
  let after: Buffer = Buffer.alloc(0);
  let seen = 0;
  while (!stop()) {
    const batch: { key: Buffer; value: Buffer }[] = [];
    for (const found of files.members.getRange({ start: after, exclusiveStart: seen > 0, limit: SWEEP_BATCH })) {
      batch.push({ key: Buffer.from(found.key), value: Buffer.from(found.value) });
    }
    const last = batch.at(-1);
    if (last === undefined) return seen;
    seen += batch.length;
    after = last.key;
    await files.root.transaction(() => {
      for (const { key, value } of batch) {
        const kept = rewrite(value, isLive, 0, null);
        if (kept.length === value.length) continue;
        if (kept.length === 0) files.members.remove(key);
        else files.members.put(key, kept);
      }
    });
  }
  return seen;
}

/**
 * Makes `users` the only members of an audience within a range of keys. Call it inside a transaction.
 * @param users hashes one after the other, in the order of keys or not
 */
export function replaceMembers(
  files: AudienceFiles,
  audience: { readonly id: number; readonly generation: number },
  range: { readonly start: Buffer; readonly end: Buffer },
  users: Buffer,
): void {
  const wanted = new Set<string>();
  for (let at = 0; at + KEY_BYTES <= users.length; at += KEY_BYTES) {
    wanted.add(users.latin1Slice(at, at + KEY_BYTES));
  }
  const gone: { key: Buffer; value: Buffer }[] = [];
  for (const found of files.members.getRange(range)) {
    if (findPair(found.value, audience.id, audience.generation) < 0) continue;
    // What is there already is neither gone nor new.
    if (wanted.delete(found.key.toString('latin1'))) continue;
    gone.push({ key: Buffer.from(found.key), value: Buffer.from(found.value) });
  }
  for (const { key, value } of gone) {
    const after = rewrite(value, () => true, audience.id, null);
    if (after.length === 0) files.members.remove(key);
    else files.members.put(key, after);
  }
  for (const text of wanted) {
    const key = Buffer.from(text, 'latin1');
    files.members.put(
      key,
      rewrite(files.members.getBinary(key), () => true, 0, audience),
    );
  }
}

type IsLive = (audienceId: number, generation: number) => boolean;

function currentGenerations(files: AudienceFiles): Map<number, number> {
  const found = new Map<number, number>();
  for (const [id, definition] of eachDefinition(files)) found.set(id, definition.generation);
  return found;
}

function findPair(pairs: Buffer, id: number, generation: number): number {
  for (let at = 0; at + PAIR_BYTES <= pairs.length; at += PAIR_BYTES) {
    if (pairs.readUInt32LE(at) === id && pairs.readUInt32LE(at + 4) === generation) return at;
  }
  return -1;
}

/** The live pairs without those of `drop`, and with `add` in front. */
function rewrite(
  before: Buffer | undefined,
  isLive: IsLive,
  drop: number,
  add: { readonly id: number; readonly generation: number } | null,
): Buffer {
  const after = Buffer.alloc((before?.length ?? 0) + PAIR_BYTES);
  let length = 0;
  if (add !== null) {
    after.writeUInt32LE(add.id, 0);
    after.writeUInt32LE(add.generation, 4);
    length = PAIR_BYTES;
  }
  for (let at = 0; before !== undefined && at + PAIR_BYTES <= before.length; at += PAIR_BYTES) {
    const id = before.readUInt32LE(at);
    if (id === drop || !isLive(id, before.readUInt32LE(at + 4))) continue;
    if (length >= MAX_PAIRS * PAIR_BYTES) break;
    length += before.copy(after, length, at, at + PAIR_BYTES);
  }
  return after.subarray(0, length);
}
