import { CodedError } from '../../core/errors.ts';
import type { CommittedPosition, ConsumeOptions, LogConsumer } from '../../core/eventlog.ts';
import type { VersionWatch } from './embedded.ts';
import type { LogStorage } from './lmdb.ts';

const MAX_METADATA_CHARS = 2048;

/** Reads every partition of a topic, each in its own loop, until stopped, taken over or failed. */
export async function startEmbeddedConsumer(
  storage: LogStorage,
  watch: VersionWatch,
  options: ConsumeOptions,
  retain: (partition: number) => void,
): Promise<LogConsumer> {
  const { topic, group } = options;
  const partitions = Array.from({ length: storage.partitionsOf(topic) }, (_, partition) => partition);
  const generation = group === null ? 0 : await storage.transact(() => storage.takeOver(topic, group));
  watch.wake();
  let running = true;
  const lost = (): boolean => group !== null && storage.generation(topic, group) !== generation;

  function end(error: unknown): void {
    if (!running) return;
    running = false;
    watch.wake();
    options.onError(error);
  }

  async function follow(partition: number): Promise<void> {
    const committed = group === null ? null : storage.committed(topic, group, partition);
    const first = storage.bounds(topic, partition).first;
    let next = Math.max(first, (await options.start?.(partition, committed)) ?? committed?.offset ?? first);
    while (running && !lost()) {
      const { end, first: kept } = storage.bounds(topic, partition);
      next = Math.max(next, kept);
      const records = next < end ? storage.read(topic, partition, next, options.maxBatchRecords) : [];
      const last = records.at(-1);
      if (last === undefined) {
        // Offsets up to `end` may have been compacted away.
        next = Math.max(next, end);
        await watch.changed();
        continue;
      }
      await options.onBatch({ topic, partition, records, end });
      next = last.offset + 1;
    }
    if (running) options.onRevoked?.(partition);
  }

  const loops = Promise.all(partitions.map(follow)).then(
    () => end(takenOver(group ?? '')),
    (error) => end(error),
  );

  return {
    async commit(partition: number, position: CommittedPosition) {
      if (group === null)
        throw new CodedError('no_group', 'A consumer without a group keeps no position.', 'Name one.');
      if (position.metadata.length > MAX_METADATA_CHARS) {
        throw new CodedError('metadata_too_long', `At most ${MAX_METADATA_CHARS} characters.`, 'Shorten it.');
      }
      const kept = await storage.transact(() => {
        // Checked inside the transaction: a member that was taken over can never move the position.
        if (lost()) return false;
        storage.commit(topic, group, partition, position);
        // Here too, because a full log refuses the appends that would otherwise make room.
        retain(partition);
        return true;
      });
      if (!kept) throw takenOver(group);
    },
    async stop() {
      running = false;
      watch.wake();
      await loops;
    },
  };
}

function takenOver(group: string): CodedError {
  return new CodedError(
    'group_taken_over',
    `Another consumer of group "${group}" took its partitions.`,
    'Run one reporting process per data directory.',
  );
}
