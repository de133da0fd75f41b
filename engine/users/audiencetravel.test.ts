import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AudienceStore, audienceSchema, audienceUploadModes } from '../../core/audience.ts';
import { manualClock } from '../../core/clock.ts';
import { createUserHasher } from '../privacy/userhash.ts';
import { createMemoryLog, type MemoryLog } from '../testing/memorylog.case.ts';
import { createAudienceReader } from './audiencereader.ts';
import { createAudienceStore } from './audiences.ts';
import { type AudienceReceiver, receiveAudiences, sendAudiences } from './audiencetravel.ts';

const userSalt = 'the salt of the travelling audiences';
const hasher = createUserHasher(userSalt);
const sha = (id: string): string => createHash('sha256').update(id).digest('hex');
const named = (id: number) => audienceSchema.parse({ id, advertiserId: 7, name: `list ${id}` });

async function* lines(ids: readonly string[]): AsyncGenerator<Uint8Array> {
  yield Buffer.from(ids.map((id) => `${sha(id)}\n`).join(''));
}

describe('audiences on their way to other machines', () => {
  let folder: string;
  let log: MemoryLog;
  let store: AudienceStore;
  const closing: (() => Promise<void>)[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'evenkeel-travel-'));
    log = createMemoryLog();
    store = createAudienceStore({
      path: join(folder, 'api'),
      userSalt,
      clock: manualClock(0),
      travel: sendAudiences(log),
    });
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await store.close();
    rmSync(folder, { recursive: true });
  });

  /** A bidder elsewhere: what it knows of a user. */
  async function bidder(name: string) {
    const path = join(folder, name);
    const faults: string[] = [];
    const receiver: AudienceReceiver = await receiveAudiences(
      path,
      log,
      (key, why) => faults.push(`${key}: ${why}`),
      (error) => faults.push(String(error)),
    );
    const reader = createAudienceReader({ path });
    closing.push(receiver.stop, reader.close);
    const user = new Uint32Array(2);
    const found = new Uint32Array(16);
    return {
      faults,
      audiencesOf(id: string): number[] {
        hasher.hashId(id, user);
        reader.refresh();
        return [...found.subarray(0, reader.audiencesOf(user[0]!, user[1]!, found))].sort((a, b) => a - b);
      },
    };
  }
  type Elsewhere = Awaited<ReturnType<typeof bidder>>;
  const knows = (elsewhere: Elsewhere, id: string, audiences: readonly number[]) =>
    vi.waitFor(() => expect(elsewhere.audiencesOf(id)).toEqual(audiences), { timeout: 5_000 });

  it('come with every upload, and leave with a removal', async () => {
    const early = await bidder('early');
    await store.save(named(1));
    await store.save(named(2));
    await store.upload(1, 'add', lines(['ann', 'bob']));
    await store.upload(2, 'add', lines(['bob']));
    await knows(early, 'ann', [1]);
    await knows(early, 'bob', [1, 2]);
    await store.upload(1, 'remove', lines(['ann']));
    await knows(early, 'ann', []);
    await store.upload(1, 'replace', lines(['cyd']));
    await knows(early, 'cyd', [1]);
    await knows(early, 'bob', [2]);
    await store.save({ ...named(2), status: 'paused' });
    await knows(early, 'bob', []);
    await store.save(named(2));
    await store.remove(1);
    await knows(early, 'cyd', []);
    await knows(early, 'bob', [2]);
    const late = await bidder('late');
    await knows(late, 'bob', [2]);
    await knows(late, 'cyd', []);
    expect([early.faults, late.faults]).toEqual([[], []]);
  });

  it('are the same there as here after any uploads, for a bidder that was there and for one that comes late', async () => {
    const ids = Array.from({ length: 30 }, (_, i) => `user ${i}`);
    const uploads = fc.array(
      fc.tuple(fc.constantFrom(1, 2), fc.constantFrom(...audienceUploadModes), fc.subarray(ids)),
      { minLength: 1, maxLength: 6 },
    );
    const early = await bidder('early');
    await store.save(named(1));
    await store.save(named(2));
    const truth = new Map([1, 2].map((id) => [id, new Set<string>()]));
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(uploads, async (steps) => {
        for (const [audience, mode, users] of steps) {
          await store.upload(audience, mode, lines(users));
          const members = truth.get(audience)!;
          if (mode === 'replace') members.clear();
          for (const user of users) mode === 'remove' ? members.delete(user) : members.add(user);
        }
        const expected = ids.map((id) => [1, 2].filter((audience) => truth.get(audience)!.has(id)));
        const late = await bidder(`late ${runs++}`);
        for (const elsewhere of [early, late]) {
          await vi.waitFor(() => expect(ids.map(elsewhere.audiencesOf)).toEqual(expected), { timeout: 5_000 });
        }
      }),
      { numRuns: 3 },
    );
  });

  it('say when bidders elsewhere could not be told, and take the list again', async () => {
    const elsewhere = await bidder('elsewhere');
    await store.save(named(1));
    log.failAppends('audiences');
    await expect(store.upload(1, 'add', lines(['ann']))).rejects.toMatchObject({ code: 'audience_not_sent' });
    log.failAppends(null);
    await store.upload(1, 'add', lines(['ann']));
    await knows(elsewhere, 'ann', [1]);
  });

  it('leave out what can not be read', async () => {
    const elsewhere = await bidder('elsewhere');
    await log.append('audiences', [
      { key: 'audience:1', value: Buffer.from('{"audience":7}') },
      { key: 'members:1:0', value: Buffer.from('not JSON') },
      { key: 'members:1:9999', value: Buffer.from('{"users":""}') },
    ]);
    await store.save(named(1));
    await store.upload(1, 'add', lines(['ann']));
    await knows(elsewhere, 'ann', [1]);
    expect(elsewhere.faults.map((fault) => fault.split(' ')[0])).toEqual([
      'audience:1:',
      'members:1:0:',
      'members:1:9999:',
    ]);
  });
});
