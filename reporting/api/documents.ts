/**
 * Small durable records that belong to the API alone (keys, sessions, users, audit entries, saved reports …), by
 * collection and id. Values are JSON. Ids sort as UTF-8 text within a collection.
 */
export interface Documents {
  get(collection: string, id: string): unknown;
  /** Resolves when durable. */
  put(collection: string, id: string, value: unknown): Promise<void>;
  /** Several at once: all of them or none. */
  putAll(documents: readonly NewDocument[]): Promise<void>;
  remove(collection: string, id: string): Promise<void>;
  /** Up to `limit` records with id > `after`, in id order; with `reverse`, with id < `after`, newest id first. */
  list(collection: string, options: ListOptions): readonly Document[];
  close(): Promise<void>;
}

export interface ListOptions {
  readonly limit: number;
  /** '' starts at the beginning (or the end, when reversed). */
  readonly after?: string;
  readonly reverse?: boolean;
}

export interface NewDocument extends Document {
  readonly collection: string;
}

export interface Document {
  readonly id: string;
  readonly value: unknown;
}

/** Keeps everything in memory: for tests, and for a run that is not meant to be remembered. */
export function createMemoryDocuments(): Documents {
  const collections = new Map<string, Map<string, string>>();
  const open = (name: string): Map<string, string> => {
    const found = collections.get(name) ?? new Map<string, string>();
    collections.set(name, found);
    return found;
  };
  return {
    get(collection, id) {
      const text = open(collection).get(id);
      return text === undefined ? undefined : JSON.parse(text);
    },
    async put(collection, id, value) {
      open(collection).set(id, JSON.stringify(value));
    },
    async putAll(documents) {
      for (const { collection, id, value } of documents) open(collection).set(id, JSON.stringify(value));
    },
    async remove(collection, id) {
      open(collection).delete(id);
    },
    list(collection, { limit, after = '', reverse = false }) {
      const sorted = [...open(collection)].sort(([a], [b]) => (a < b ? -1 : 1));
      if (reverse) sorted.reverse();
      const inRange = sorted.filter(([id]) => after === '' || (reverse ? id < after : id > after));
      return inRange.slice(0, limit).map(([id, text]) => ({ id, value: JSON.parse(text) }));
    },
    async close() {},
  };
}
