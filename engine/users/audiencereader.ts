import { changesOf, eachDefinition, openAudienceFiles } from './audiencefiles.ts';

export interface AudienceReader {
  /**
   * The active audiences of a user, synchronously: one LMDB read of about a microsecond from the page cache.
   * @param out receives audience ids, as many as fit
   * @returns how many
   */
  audiencesOf(userHi: number, userLo: number, out: Uint32Array): number;
  /** Takes up what was saved, replaced or removed since. Costs a microsecond while nothing was: call it every second or so. */
  refresh(): void;
  close(): Promise<void>;
}

/** A bidder's view of the audiences under `path`; any number of threads and processes may hold one. */
export function createAudienceReader(options: { readonly path: string; readonly mapBytes?: number }): AudienceReader {
  const files = openAudienceFiles(options.path, options.mapBytes);
  const key = Buffer.alloc(8);
  let active = new Map<number, number>();
  let seen = -1;
  const refresh = (): void => {
    files.root.resetReadTxn();
    const changes = changesOf(files);
    if (changes === seen) return;
    seen = changes;
    const found = new Map<number, number>();
    for (const [id, definition] of eachDefinition(files)) {
      if (definition.audience.status !== 'active') continue;
      found.set(id, definition.generation);
    }
    active = found;
  };
  refresh();
  return {
    refresh,
    audiencesOf(userHi, userLo, out) {
      if (active.size === 0) return 0;
      key.writeUInt32BE(userHi, 0);
      key.writeUInt32BE(userLo, 4);
      const pairs = files.members.getBinaryFast(key);
      if (pairs === undefined) return 0;
      let count = 0;
      for (let at = 0; at + 8 <= pairs.length && count < out.length; at += 8) {
        const id = pairs.readUInt32LE(at);
        if (active.get(id) === pairs.readUInt32LE(at + 4)) out[count++] = id;
      }
      return count;
    },
    close: () => files.root.close(),
  };
}
