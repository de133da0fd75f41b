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
import { type SaltPeriods, saltsAt } from './salt.ts';
import { createUploadLines } from './uploadlines.ts';

export interface AudienceStoreOptions {
  /** Directory of the store; the bidders of this machine read the same one. */
  readonly path: string;
  /** The salt of user hashes, at least 16 bytes; must be the bidders'. It names users of each upload for two periods. */
  readonly userSalt: string | SaltPeriods;
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
  const periods = typeof options.userSalt === 'string' ? { secret: options.userSalt, periodMs: 0 } : options.userSalt;
  const hasher = createUserHasher(saltsAt(periods, options.clock.nowMs()));
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
    list: () => [...eachDefinition(files)].map(([, definition]) => entry(definition, periods)),
    get(id) {
      const definition = readDefinition(files, id);
      return definition === null ? null : entry(definition, periods);
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
        const result = await inTurn(() => {
          hasher.setSalts(saltsAt(periods, options.clock.nowMs()));
          return runUpload({ files, hasher, clock: options.clock, travel: options.travel }, id, mode, body);
        });
        if (mode === 'replace') sweepSoon();
        return result;
      } finally {
        waiting--;
      }
    },
    async expire() {
      const gone = await inTurn(async () => {
        const ids = expired(files, periods, options.clock.nowMs());
        if (ids.length === 0) return 0;
        await files.root.transaction(() => {
          for (const id of ids) {
            const definition = readDefinition(files, id);
            if (definition === null) continue;
            writeDefinition(files, id, { ...definition, generation: nextGeneration(files), users: 0 });
          }
          noteChange(files);
        });
        await files.root.flushed;
        const everywhere = new Uint8Array(BUCKETS).fill(1);
        for (const id of ids) await travelling(options.travel?.changed(files, id, everywhere));
        return ids.length;
      });
      if (gone > 0) sweepSoon();
      return gone;
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
    writeDefinition(files, audience.id, { ...before, audience, generation, users: before?.users ?? 0 });
    noteChange(files);
  });
  await files.root.flushed;
}

/** @param anew whether it has no users from before */
async function noteSalt(files: AudienceFiles, id: number, nowMs: number, anew: boolean): Promise<void> {
  await files.root.transaction(() => {
    const definition = readDefinition(files, id);
    if (definition === null) return;
    const addedMs = Math.floor(nowMs);
    writeDefinition(files, id, { ...definition, addedMs, ...(anew ? { saltedMs: addedMs } : {}) });
  });
}

/** Ids of audiences of which no salt of now or before names a user. */
function expired(files: AudienceFiles, { periodMs }: SaltPeriods, nowMs: number): number[] {
  return [...eachDefinition(files)]
    .filter(([, { users, addedMs }]) => users > 0 && addedMs !== undefined && endOf(addedMs, periodMs) <= nowMs)
    .map(([id]) => id);
}

/** When the salt of a moment no longer names anybody: its own period and the next are over. */
function endOf(atMs: number, periodMs: number): number {
  return periodMs === 0 ? Number.POSITIVE_INFINITY : (Math.floor(atMs / periodMs) + 2) * periodMs;
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
  const note = (user: Uint32Array): void => {
    touched[bucketOf(user[0]!)] = 1;
    members.add(user[0]!, user[1]!);
  };
  const lines = createUploadLines(hasher, (line, outcome, user, before) => {
    report.lines = line;
    if (outcome === 'user') {
      report.accepted++;
      note(user);
      if (mode === 'remove' && before !== null) note(before);
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
  if (mode !== 'remove') await noteSalt(files, id, clock.nowMs(), mode === 'replace' || before.users === 0);
  await files.root.flushed;
  await travelling(travel?.changed(files, id, touched));
  return { audienceId: id, mode, ...report, users, durationMs: Math.round(clock.monotonicMs() - startedMs) };
}

function entry({ audience, users, saltedMs }: Definition, { periodMs }: SaltPeriods): AudienceEntry {
  const endless = periodMs === 0 || users === 0 || saltedMs === undefined;
  return { audience, users, matchedUntilMs: endless ? null : endOf(saltedMs, periodMs) };
}
