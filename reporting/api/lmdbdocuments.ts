import { type Key, open } from 'lmdb';
import type { Documents } from './documents.ts';

const LAST = '\u{10ffff}';
/** Upper bound of the file, bytes: address space, not disk space. */
const MAP_BYTES = 4 * 1024 ** 3;

/** @param path the LMDB file, created when missing. Only API processes open it. */
export function createLmdbDocuments(path: string): Documents {
  const root = open<unknown, Key>({ path, encoding: 'json', mapSize: MAP_BYTES, maxDbs: 4 });
  return {
    get: (collection, id) => root.get([collection, id]),
    async put(collection, id, value) {
      await root.put([collection, id], value);
      await root.flushed;
    },
    async putAll(documents) {
      await root.transaction(() => {
        for (const { collection, id, value } of documents) root.put([collection, id], value);
      });
      await root.flushed;
    },
    async remove(collection, id) {
      await root.remove([collection, id]);
      await root.flushed;
    },
    list(collection, { limit, after = '', reverse = false }) {
      const start = reverse ? [collection, after === '' ? LAST : after] : [collection, after];
      const end = reverse ? [collection] : [collection, LAST];
      const found: { id: string; value: unknown }[] = [];
      for (const { key, value } of root.getRange({ start, end, reverse, limit: limit + 1 })) {
        const id = (key as readonly Key[])[1];
        if (typeof id !== 'string' || id === after || found.length === limit) continue;
        found.push({ id, value });
      }
      return found;
    },
    close: () => root.close(),
  };
}
