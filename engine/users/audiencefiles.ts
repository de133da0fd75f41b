import { type Database, open, type RootDatabase } from 'lmdb';
import type { Audience } from '../../core/audience.ts';

/**
 * The only file that knows how audiences lie in LMDB.
 *
 * `members`: 8 bytes of user hash → pairs of 32-bit words (audience, generation): one read finds every audience of a
 * user. `definitions`: audience id → JSON; id 0 → counters. A pair counts only when its generation
 * is the audience's current one, so replacing or forgetting a million users is one small write; dead pairs are swept
 * later. Generations are never reused.
 */
export interface Definition {
  readonly audience: Audience;
  readonly generation: number;
  readonly users: number;
  /** When the first of its users were uploaded, for the life of their salt; not in older files. */
  readonly saltedMs?: number;
  /** The same of the last. */
  readonly addedMs?: number;
}

export interface AudienceFiles {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly definitions: Database<Buffer, number>;
  readonly members: Database<Buffer, Buffer>;
}

/** Virtual address space, not memory or disk: about a billion users. */
const DEFAULT_MAP_BYTES = 64 * 2 ** 30;

/** Opens the store's directory, creating it when it is missing. @throws what LMDB throws when it can not */
export function openAudienceFiles(path: string, mapBytes: number = DEFAULT_MAP_BYTES): AudienceFiles {
  const root = open<Buffer, Buffer>({ path, mapSize: mapBytes, maxDbs: 4, maxReaders: 512, encoding: 'binary' });
  return {
    root,
    definitions: root.openDB<Buffer, number>('definitions', { encoding: 'binary', keyEncoding: 'uint32' }),
    members: root.openDB<Buffer, Buffer>('members', { encoding: 'binary', keyEncoding: 'binary' }),
  };
}

export function readDefinition(files: AudienceFiles, id: number): Definition | null {
  const bytes = files.definitions.get(id);
  return bytes === undefined ? null : (JSON.parse(bytes.toString()) as Definition);
}

export function writeDefinition(files: AudienceFiles, id: number, definition: Definition): void {
  files.definitions.put(id, Buffer.from(JSON.stringify(definition)));
}

export function* eachDefinition(files: AudienceFiles): Generator<[number, Definition]> {
  for (const { key, value } of files.definitions.getRange({ start: 1 })) {
    yield [key, JSON.parse(value.toString()) as Definition];
  }
}

/** Gives out a generation that no pair carries yet. Call it inside a transaction. */
export function nextGeneration(files: AudienceFiles): number {
  return count(files, GENERATIONS);
}

/** Tells readers that a definition they care about has changed. Call it inside the transaction that changes it. */
export function noteChange(files: AudienceFiles): void {
  count(files, CHANGES);
}

/** Changes noted so far: while it stays the same, definitions need not be read again. */
export function changesOf(files: AudienceFiles): number {
  return files.definitions.get(0)?.readUInt32LE(CHANGES) ?? 0;
}

// Entry 0 holds two counters.
const GENERATIONS = 0;
const CHANGES = 4;

function count(files: AudienceFiles, counter: number): number {
  const counters = Buffer.alloc(8);
  files.definitions.get(0)?.copy(counters);
  const next = (counters.readUInt32LE(counter) + 1) >>> 0;
  counters.writeUInt32LE(next, counter);
  files.definitions.put(0, counters);
  return next;
}
