import { mkdirSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LineItem } from '../../core/campaign.ts';
import { messageOf } from '../../core/errors.ts';
import type { LoggedEvent } from '../../core/event.ts';
import type { BidToken } from '../../core/token.ts';
import { readUserHex } from '../privacy/userhash.ts';
import { createCapPlan } from './caps.ts';
import { type CapTable, createCapTable } from './captable.ts';
import { bidIdWords, createRecentIds } from './recentids.ts';

export interface CapStoreOptions {
  /** File that keeps the counts across restarts; '' keeps them in memory only. */
  readonly path: string;
  /** Buckets of 128 bytes and 7 counters, a power of two. Default 131,072: 16 MiB, 917,504 counters. */
  readonly buckets?: number;
  /** Bids whose repeated impression beacon is recognised, at least. Default 200,000. */
  readonly recentBids?: number;
}

export interface CapStats {
  /** Impressions counted, impressions recognised as repeated, live counters given up for room. */
  readonly counted: number;
  readonly repeated: number;
  readonly givenUp: number;
}

/**
 * The counts behind frequency caps, held by the thread that follows the `events` topic. All nodes follow the whole
 * topic, so every node counts all impressions of a user.
 */
export interface CapStore {
  /** Hand it to the bid threads. */
  readonly table: CapTable;
  setLineItem(item: LineItem): void;
  deleteLineItem(id: number): void;
  /** Counts an impression event whose token was verified; anything else, test bids and unknown users are passed over. */
  observe(event: Pick<LoggedEvent, 'type' | 'atMs'>, token: BidToken): void;
  /** Everything of a partition before `nextOffset` was observed. */
  advance(partition: number, nextOffset: number): void;
  /** Where to go on in a partition after a restart; undefined when it was never followed. */
  position(partition: number): number | undefined;
  /** Writes counts and positions together; what happened later is counted again from the log. One at a time. */
  save(): Promise<void>;
  stats(): CapStats;
  /** Why the file could not be used at the start, '' when it could or was not there. */
  readonly fault: string;
}

const MAGIC = 'evenkeel caps 1\n';

export function createCapStore(options: CapStoreOptions): CapStore {
  const table = createCapTable(options.buckets ?? 131_072);
  const positions = new Map<number, number>();
  const fault = options.path === '' ? '' : load(options.path, table, positions);
  const plan = createCapPlan();
  const recent = createRecentIds(options.recentBids ?? 200_000);
  const user = new Uint32Array(2);
  const words = new Int32Array(2);
  const stats = { counted: 0, repeated: 0, givenUp: 0 };
  let saving: Promise<void> | null = null;
  let changed = false;

  return {
    table,
    fault,
    setLineItem: (item) => plan.set(item),
    deleteLineItem: (id) => plan.delete(id),
    observe(event, token) {
      if (event.type !== 'impression' || token.test || !readUserHex(token.user, user)) return;
      bidIdWords(token.bidId, words);
      if (!recent.add(words[0]!, words[1]!)) {
        stats.repeated++;
        return;
      }
      stats.counted++;
      stats.givenUp += plan.count(table, user, token, Math.floor(event.atMs / 1000));
    },
    advance(partition, nextOffset) {
      if (positions.get(partition) === nextOffset) return;
      positions.set(partition, nextOffset);
      changed = true;
    },
    position: (partition) => positions.get(partition),
    save() {
      if (options.path === '' || !changed) return saving ?? Promise.resolve();
      if (saving === null) {
        changed = false;
        const image = snapshot(table, positions);
        saving = write(options.path, image).finally(() => {
          saving = null;
        });
      }
      return saving;
    },
    stats: () => ({ ...stats }),
  };
}

/** Counts and positions of one instant: magic, length of the positions, positions as JSON, table. */
function snapshot(table: CapTable, positions: ReadonlyMap<number, number>): Buffer {
  const json = Buffer.from(JSON.stringify([...positions]));
  const image = Buffer.allocUnsafe(MAGIC.length + 4 + json.length + table.byteLength);
  let at = image.write(MAGIC, 0, 'latin1');
  at = image.writeUInt32LE(json.length, at);
  at += json.copy(image, at);
  Buffer.from(table.buffer).copy(image, at);
  return image;
}

/** A whole new file beside the old one, then in its place: a crash leaves one of the two. */
async function write(path: string, image: Buffer): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.writeFile(image);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
}

function load(path: string, table: CapTable, positions: Map<number, number>): string {
  let image: Buffer;
  try {
    mkdirSync(dirname(path), { recursive: true });
    image = readFileSync(path);
  } catch (error) {
    return (error as { code?: string }).code === 'ENOENT' ? '' : messageOf(error);
  }
  const jsonAt = MAGIC.length + 4;
  if (image.length < jsonAt || image.toString('latin1', 0, MAGIC.length) !== MAGIC) return 'not a file of caps';
  const tableAt = jsonAt + image.readUInt32LE(MAGIC.length);
  if (image.length - tableAt !== table.byteLength) return 'made for another number of buckets, or cut short';
  for (const [partition, offset] of JSON.parse(image.toString('utf8', jsonAt, tableAt)) as [number, number][]) {
    positions.set(partition, offset);
  }
  image.copy(Buffer.from(table.buffer), 0, tableAt);
  return '';
}
