import { mkdirSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../../core/errors.ts';

/** Memory that outlives a restart, by name. It is restored only into memory of the same name and size. */
export interface CheckpointPart {
  readonly name: string;
  readonly memory: ArrayBufferView;
}

/**
 * Keeps what was learned from a log together with how far the log was read, so that after a restart nothing is counted
 * twice and nothing is missed (as long as the log still has it).
 */
export interface Checkpoint {
  /** Everything of a partition before `nextOffset` is in the parts. */
  advance(partition: number, nextOffset: number): void;
  /** Where to go on in a partition; undefined when it was never followed. */
  position(partition: number): number | undefined;
  /** Writes parts and positions of one instant. Resolves at once when nothing was advanced; one write at a time. */
  save(): Promise<void>;
  /** Why the file could not be used at the start; '' when it could, or was not there. */
  readonly fault: string;
}

const MAGIC = 'evenkeel checkpoint 1\n';

interface Header {
  readonly positions: readonly (readonly [number, number])[];
  readonly parts: readonly { readonly name: string; readonly bytes: number }[];
}

/** Restores the parts from `path` when it holds them. @param path '' keeps nothing */
export function openCheckpoint(path: string, parts: readonly CheckpointPart[]): Checkpoint {
  const positions = new Map<number, number>();
  const fault = path === '' ? '' : restore(path, parts, positions);
  let saving: Promise<void> | null = null;
  let changed = false;
  return {
    fault,
    advance(partition, nextOffset) {
      if (positions.get(partition) === nextOffset) return;
      positions.set(partition, nextOffset);
      changed = true;
    },
    position: (partition) => positions.get(partition),
    save() {
      if (path === '' || !changed) return saving ?? Promise.resolve();
      if (saving === null) {
        changed = false;
        saving = write(path, image(parts, positions)).finally(() => {
          saving = null;
        });
      }
      return saving;
    },
  };
}

/** Magic, length of the header, header as JSON, the parts one after another. */
function image(parts: readonly CheckpointPart[], positions: ReadonlyMap<number, number>): Buffer {
  const header: Header = {
    positions: [...positions],
    parts: parts.map(({ name, memory }) => ({ name, bytes: memory.byteLength })),
  };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([Buffer.from(MAGIC), length, json, ...parts.map((part) => bytesOf(part.memory))]);
}

/** A whole new file beside the old one, then in its place: a crash leaves one of the two. */
async function write(path: string, bytes: Buffer): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
}

function restore(path: string, parts: readonly CheckpointPart[], positions: Map<number, number>): string {
  let bytes: Buffer;
  try {
    mkdirSync(dirname(path), { recursive: true });
    bytes = readFileSync(path);
  } catch (error) {
    return (error as { code?: string }).code === 'ENOENT' ? '' : messageOf(error);
  }
  const headerAt = MAGIC.length + 4;
  if (bytes.length < headerAt || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return 'not a checkpoint';
  const partsAt = headerAt + bytes.readUInt32LE(MAGIC.length);
  const header = readHeader(bytes.toString('utf8', headerAt, partsAt));
  const total = partsAt + (header?.parts.reduce((sum, part) => sum + part.bytes, 0) ?? 0);
  if (header === null || bytes.length !== total) return 'cut short or damaged';
  const same =
    header.parts.length === parts.length &&
    parts.every(
      ({ name, memory }, i) => header.parts[i]?.name === name && header.parts[i]?.bytes === memory.byteLength,
    );
  if (!same) return 'made with other sizes';
  let at = partsAt;
  for (const { memory } of parts) at += bytes.copy(bytesOf(memory), 0, at, at + memory.byteLength);
  for (const [partition, offset] of header.positions) positions.set(partition, offset);
  return '';
}

function readHeader(json: string): Header | null {
  try {
    return JSON.parse(json) as Header;
  } catch {
    return null;
  }
}

function bytesOf(memory: ArrayBufferView): Buffer {
  return Buffer.from(memory.buffer as ArrayBuffer, memory.byteOffset, memory.byteLength);
}
