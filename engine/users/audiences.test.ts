import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AudienceStore, audienceSchema, audienceUploadSchema } from '../../core/audience.ts';
import { manualClock } from '../../core/clock.ts';
import { createUserHasher, userHex } from '../privacy/userhash.ts';
import { type AudienceReader, createAudienceReader } from './audiencereader.ts';
import { createAudienceStore } from './audiences.ts';
import { type SaltPeriods, saltsAt } from './salt.ts';
import { createUploadLines } from './uploadlines.ts';

const userSalt = 'the salt of the audience tests';
const hasher = createUserHasher(userSalt);
const sha = (id: string): string => createHash('sha256').update(id).digest('hex');

async function* chunks(...texts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield typeof text === 'string' ? Buffer.from(text) : text;
}

describe('the audience store', () => {
  let path: string;
  let store: AudienceStore;
  let reader: AudienceReader;
  const found = new Uint32Array(16);

  beforeEach(async () => {
    path = mkdtempSync(join(tmpdir(), 'evenkeel-audiences-'));
    store = createAudienceStore({ path, userSalt, clock: manualClock(0) });
    reader = createAudienceReader({ path });
    for (const id of [1, 2]) await store.save(audienceSchema.parse({ id, advertiserId: 7, name: `list ${id}` }));
  });
  afterEach(async () => {
    await reader.close();
    await store.close();
    rmSync(path, { recursive: true });
  });

  const audiencesOf = (id: string): number[] => {
    const user = new Uint32Array(2);
    hasher.hashId(id, user);
    reader.refresh();
    return [...found.subarray(0, reader.audiencesOf(user[0]!, user[1]!, found))].sort();
  };

  it('finds an uploaded user, however the lines were cut', async () => {
    const text = `sha256,since\r\n${sha('ann')},2026\n"${sha('bob').toUpperCase()}"\n\n# a comment\n${sha('cyd')}`;
    const bytes = [...Buffer.from(text)].map((byte) => Uint8Array.of(byte));
    const result = await store.upload(1, 'add', chunks(...bytes));
    expect(audienceUploadSchema.parse(result)).toMatchObject({
      lines: 6,
      accepted: 3,
      rejected: 0,
      empty: 3,
      users: 3,
    });
    await store.upload(2, 'add', chunks(sha('bob')));
    expect(audiencesOf('ann')).toEqual([1]);
    expect(audiencesOf('BOB')).toEqual([1, 2]);
    expect(audiencesOf('dan')).toEqual([]);
  });

  it('takes our own user hash as it stands in exports', async () => {
    const user = new Uint32Array(2);
    hasher.hashId('ann', user);
    await store.upload(1, 'add', chunks(userHex(user[0]!, user[1]!)));
    expect(audiencesOf('ann')).toEqual([1]);
  });

  it('reports bad lines with their number and takes the good ones', async () => {
    const long = 'x'.repeat(5000);
    const text = [sha('ann'), 'ann@example.com', sha('bob').slice(1), long, sha('bob'), `${sha('cyd')}0`].join('\n');
    const result = await store.upload(1, 'add', chunks(text.slice(0, 4200), text.slice(4200)));
    expect(result).toMatchObject({ lines: 6, accepted: 2, rejected: 4, users: 2 });
    expect(result.rejections).toEqual([
      { line: 2, why: 'not_a_hash' },
      { line: 3, why: 'not_a_hash' },
      { line: 4, why: 'line_too_long' },
      { line: 6, why: 'not_a_hash' },
    ]);
  });

  it('counts a user once, takes users out, and replaces them all', async () => {
    await store.upload(1, 'add', chunks(`${sha('ann')}\n${sha('ann')}\n${sha('bob')}\n`));
    expect(store.get(1)?.users).toBe(2);
    expect((await store.upload(1, 'remove', chunks(`${sha('ann')}\n${sha('dan')}`))).users).toBe(1);
    expect(audiencesOf('ann')).toEqual([]);
    await store.upload(1, 'replace', chunks(`${sha('cyd')}\n${sha('ann')}`));
    expect(store.get(1)?.users).toBe(2);
    expect(['ann', 'bob', 'cyd'].map(audiencesOf)).toEqual([[1], [], [1]]);
  });

  it('leaves the audience as it was when a replacement breaks off', async () => {
    await store.upload(1, 'add', chunks(`${sha('ann')}\n${sha('bob')}`));
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(`${sha('cyd')}\n${sha('bob')}\n`);
      throw new Error('connection reset');
    }
    await expect(store.upload(1, 'replace', broken())).rejects.toMatchObject({ code: 'audience_upload_broken' });
    expect(['ann', 'bob', 'cyd'].map(audiencesOf)).toEqual([[1], [1], []]);
    await store.upload(1, 'replace', chunks(sha('dan')));
    expect(['ann', 'bob', 'cyd', 'dan'].map(audiencesOf)).toEqual([[], [], [], [1]]);
  });

  it('matches only active audiences, and forgets removed ones for good', async () => {
    await store.upload(1, 'add', chunks(sha('ann')));
    await store.save(audienceSchema.parse({ id: 1, advertiserId: 7, name: 'list 1', status: 'paused' }));
    expect(audiencesOf('ann')).toEqual([]);
    expect(store.get(1)).toMatchObject({ users: 1, audience: { status: 'paused' } });
    expect(await store.remove(1)).toBe(true);
    expect(await store.remove(1)).toBe(false);
    await store.save(audienceSchema.parse({ id: 1, advertiserId: 7, name: 'list 1 again' }));
    expect(audiencesOf('ann')).toEqual([]);
    expect(store.list().map(({ audience }) => audience.id)).toEqual([1, 2]);
    await expect(store.upload(9, 'add', chunks(sha('ann')))).rejects.toMatchObject({ code: 'audience_unknown' });
  });

  it('refuses more waiting uploads than it may hold', async () => {
    const many = Array.from({ length: 6 }, () => store.upload(1, 'add', chunks(sha('ann'))));
    const codes = (await Promise.allSettled(many)).map((one) => (one.status === 'rejected' ? one.reason.code : 'done'));
    expect(codes).toEqual(['done', 'done', 'done', 'done', 'audience_upload_busy', 'audience_upload_busy']);
  });

  it('keeps everything across a restart', async () => {
    await store.upload(1, 'add', chunks(sha('ann')));
    await store.close();
    store = createAudienceStore({ path, userSalt, clock: manualClock(0) });
    expect(store.get(1)).toMatchObject({ users: 1, audience: { name: 'list 1' } });
    expect(audiencesOf('ann')).toEqual([1]);
  });
});

describe('lines of an upload', () => {
  it('are the same however the bytes are cut, and any bytes are survived', () => {
    const piece = fc.oneof(
      fc.constantFrom('\n', '\r\n', ',', '#', '"', ' ', sha('a'), sha('b').toUpperCase(), sha('c').slice(3)),
      fc.string({ unit: 'binary', maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(400), { maxLength: 10 }), (pieces, cuts) => {
        const bytes = Buffer.from(pieces.join(''));
        const read = (parts: readonly Uint8Array[]): string[] => {
          const seen: string[] = [];
          const lines = createUploadLines(hasher, (line, outcome, user) => {
            seen.push(`${line} ${outcome} ${outcome === 'user' ? userHex(user[0]!, user[1]!) : ''}`);
          });
          for (const part of parts) lines.push(part);
          lines.end();
          return seen;
        };
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        expect(read(at.slice(1).map((end, i) => bytes.subarray(at[i], end)))).toEqual(read([bytes]));
      }),
      { numRuns: 500 },
    );
  });
});

describe('an audience, when the salt turns', () => {
  const DAY_MS = 86_400_000;
  const periods: SaltPeriods = { secret: 'the secret of the turning salts', periodMs: 30 * DAY_MS };
  const clock = manualClock(3000 * DAY_MS);
  const path = mkdtempSync(join(tmpdir(), 'evenkeel-audiences-'));
  const store = createAudienceStore({ path, userSalt: periods, clock });
  const reader = createAudienceReader({ path });
  afterAll(async () => {
    await reader.close();
    await store.close();
    rmSync(path, { recursive: true });
  });

  /** As a bid thread looks: by the salt of now and the one before. */
  function isMember(id: string): boolean {
    const [found, user] = [new Uint32Array(4), new Uint32Array(2)];
    const ids = createUserHasher(saltsAt(periods, clock.nowMs()));
    reader.refresh();
    ids.hashId(id, user);
    if (reader.audiencesOf(user[0]!, user[1]!, found) > 0) return true;
    return ids.hashBefore(user) && reader.audiencesOf(user[0]!, user[1]!, found) > 0;
  }

  it('is found for the period of its upload and the next, can be taken out of, and is emptied after', async () => {
    await store.save(audienceSchema.parse({ id: 1, advertiserId: 7, name: 'buyers' }));
    await store.upload(1, 'add', chunks(`${sha('ann')}\n${sha('bob')}`));
    const until = store.get(1)?.matchedUntilMs ?? 0;
    expect([until % periods.periodMs, until > clock.nowMs() + periods.periodMs]).toEqual([0, true]);
    clock.advance(30 * DAY_MS);
    expect([isMember('ann'), isMember('bob')], 'in the next period').toEqual([true, true]);
    await store.upload(1, 'remove', chunks(sha('bob')));
    expect([isMember('ann'), isMember('bob')], 'an old member is removed').toEqual([true, false]);
    expect([await store.expire(), store.get(1)?.users], 'not yet').toEqual([0, 1]);
    clock.advance(until - clock.nowMs());
    expect(isMember('ann'), 'nobody knows the salt any more').toBe(false);
    expect([await store.expire(), store.get(1)?.users]).toEqual([1, 0]);
    await store.upload(1, 'replace', chunks(sha('ann')));
    expect([isMember('ann'), await store.expire()]).toEqual([true, 0]);
  });
});
