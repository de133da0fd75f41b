import type {
  Audience,
  AudienceEntry,
  AudienceStore,
  AudienceUpload,
  AudienceUploadMode,
} from '../../core/audience.ts';
import type { Clock } from '../../core/clock.ts';
import { CodedError, messageOf } from '../../core/errors.ts';
import { createUserHasher } from '../privacy/userhash.ts';
import {
  type AudienceFiles,
  type Definition,
  eachDefinition,
  nextGeneration,
  noteChange,
  openAudienceFiles,
  readDefinition,
  writeDefinition,
} from './audiencefiles.ts';
import { createMemberWriter, sweepMembers } from './audiencemembers.ts';
import { type AudienceTravel, BUCKETS, bucketOf } from './audiencetravel.ts';
import { createUploadLines } from './uploadlines.ts';

export interface AudienceStoreOptions {
  /** Directory of the store; the bidders of this machine read the same one. */
  readonly path: string;
  /** The salt of user hashes, at least 16 bytes; must be the bidders'. */
  readonly userSalt: string;
  readonly clock: Clock;
  /** Address space to map, bytes. Default 64 GiB, none of which is memory. */
  readonly mapBytes?: number;
  /** Tells bidders of other machines; without it only those that share `path` know. */
  readonly travel?: AudienceTravel;
  /** Uploads that may wait for the one under way. Default 4. */
  readonly maxWaiting?: number;
}

const BATCH_USERS = 20_000;
const MAX_REJECTIONS = 1000;

/** The one writer of audiences. @throws CodedError `salt_too_short`; what LMDB throws when it can not open the path */
export function createAudienceStore(options: AudienceStoreOptions): AudienceStore {
  const files = openAudienceFiles(options.path, options.mapBytes);
  const hasher = createUserHasher(options.userSalt);
  const maxWaiting = options.maxWaiting ?? 4;
  let waiting = 0;
  let closing = false;
  let tail: Promise<unknown> = Promise.resolve();

  /** Writers take turns, so that a generation means the same from the start of an upload to its end. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = tail.then(work);
    tail = result.catch(() => undefined);
    return result;
  };
  const sweepSoon = (): void => {
    void inTurn(() => sweepMembers(files, () => closing)).catch(() => undefined);
  };

  return {
    list: () => [...eachDefinition(files)].map(([, definition]) => entry(definition)),
    get(id) {
      const definition = readDefinition(files, id);
      return definition === null ? null : entry(definition);
    },
    async save(audience) {
      await inTurn(async () => {
        await saveDefinition(files, audience);
        await travelling(options.travel?.saved(audience));
      });
    },
    async remove(id) {
      const known = await inTurn(async () => {
        const found = readDefinition(files, id) !== null;
        if (found) {
          await files.root.transaction(() => {
            files.definitions.remove(id);
            noteChange(files);
          });
        }
        await files.root.flushed;
        if (found) await travelling(options.travel?.removed(id));
        return found;
      });
      if (known) sweepSoon();
      return known;
    },
    async upload(id, mode, body) {
      if (waiting >= maxWaiting) {
        throw new CodedError(
          'audience_upload_busy',
          `${waiting} uploads are waiting.`,
          'Try again when one has ended.',
        );
      }
      waiting++;
      try {
        const result = await inTurn(() =>
          runUpload({ files, hasher, clock: options.clock, travel: options.travel }, id, mode, body),
        );
        if (mode === 'replace') sweepSoon();
        return result;
      } finally {
        waiting--;
      }
    },
    async close() {
      closing = true;
      await tail;
      await files.root.close();
    },
  };
}

async function saveDefinition(files: AudienceFiles, audience: Audience): Promise<void> {
  await files.root.transaction(() => {
    const before = readDefinition(files, audience.id);
    const generation = before?.generation ?? nextGeneration(files);
    writeDefinition(files, audience.id, { audience, generation, users: before?.users ?? 0 });
    noteChange(files);
  });
  await files.root.flushed;
}

/** @throws CodedError `audience_not_sent` */
async function travelling(sent: Promise<void> | undefined): Promise<void> {
  try {
    await sent;
  } catch (error) {
    throw new CodedError(
      'audience_not_sent',
      `The audience is stored, but bidders on other machines do not know: ${messageOf(error)}.`,
      'Send it again when the event log is reachable; what is repeated does no harm.',
      error,
    );
  }
}

interface UploadTools {
  readonly files: AudienceFiles;
  readonly hasher: ReturnType<typeof createUserHasher>;
  readonly clock: Clock;
  readonly travel: AudienceTravel | undefined;
}

async function runUpload(
  { files, hasher, clock, travel }: UploadTools,
  id: number,
  mode: AudienceUploadMode,
  body: AsyncIterable<Uint8Array>,
): Promise<AudienceUpload> {
  const startedMs = clock.monotonicMs();
  const before = readDefinition(files, id);
  if (before === null) throw new CodedError('audience_unknown', `There is no audience ${id}.`, 'Create it first.');
  const generation = mode === 'replace' ? await files.root.transaction(() => nextGeneration(files)) : before.generation;
  const members = createMemberWriter(files, {
    id,
    generation,
    publish: mode !== 'replace',
    removing: mode === 'remove',
  });
  // A replacement also empties the buckets that it has nobody in.
  const touched = new Uint8Array(BUCKETS).fill(mode === 'replace' ? 1 : 0);
  const report = { lines: 0, accepted: 0, rejected: 0, empty: 0, rejections: [] as AudienceUpload['rejections'] };
  const lines = createUploadLines(hasher, (line, outcome, user) => {
    report.lines = line;
    if (outcome === 'user') {
      report.accepted++;
      touched[bucketOf(user[0]!)] = 1;
      members.add(user[0]!, user[1]!);
    } else if (outcome === 'empty') report.empty++;
    else {
      report.rejected++;
      if (report.rejections.length < MAX_REJECTIONS) report.rejections.push({ line, why: outcome });
    }
  });
  try {
    for await (const chunk of body) {
      lines.push(chunk);
      if (members.pending() >= BATCH_USERS) await members.flush();
    }
    lines.end();
  } catch (error) {
    await members.flush();
    const broken = `The upload broke off after line ${report.lines}: ${messageOf(error)}.`;
    throw new CodedError(
      'audience_upload_broken',
      broken,
      'Send the whole list again; lines repeated do no harm.',
      error,
    );
  }
  await members.flush();
  const users = await members.finish();
  await files.root.flushed;
  await travelling(travel?.changed(files, id, touched));
  return { audienceId: id, mode, ...report, users, durationMs: Math.round(clock.monotonicMs() - startedMs) };
}

function entry(definition: Definition): AudienceEntry {
  return { audience: definition.audience, users: definition.users };
}
