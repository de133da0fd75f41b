import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { audienceSchema } from '../../core/audience.ts';
import { systemClock } from '../../core/clock.ts';
import { createAudienceStore } from './audiences.ts';

const USERS = 1_000_000;
const WITHIN_SECONDS = 60;
const CHUNK_BYTES = 65_536;

const lineOf = (user: number): string => `${createHash('sha256').update(`user ${user}`).digest('hex')}\n`;

/** The list as an upload brings it: made beforehand, so that making it is not measured. */
function list(): readonly Buffer[] {
  const chunks: Buffer[] = [];
  let text = '';
  for (let user = 0; user < USERS; user++) {
    text += lineOf(user);
    if (text.length < CHUNK_BYTES) continue;
    chunks.push(Buffer.from(text));
    text = '';
  }
  return [...chunks, Buffer.from(text)];
}

it(`takes ${USERS} ids in less than ${WITHIN_SECONDS} s, new and as a replacement`, async () => {
  const path = mkdtempSync(join(tmpdir(), 'evenkeel-upload-'));
  const store = createAudienceStore({ path, userSalt: 'the salt of the upload', clock: systemClock });
  const chunks = list();
  await store.save(audienceSchema.parse({ id: 1, advertiserId: 1, name: 'everybody' }));
  for (const mode of ['add', 'replace'] as const) {
    const before = process.cpuUsage();
    const result = await store.upload(1, mode, chunks as never);
    const { user, system } = process.cpuUsage(before);
    const cpuSeconds = (user + system) / 1e6;
    const wall = (result.durationMs / 1000).toFixed(1);
    console.log(`${mode}: ${wall} s, of which ${cpuSeconds.toFixed(1)} s of CPU; load ${loadavg()[0]!.toFixed(1)}`);
    expect(result.users).toBe(USERS);
    // What others on the machine do is not the upload's time.
    expect(cpuSeconds).toBeLessThan(WITHIN_SECONDS / 2);
  }
  await store.close();
  rmSync(path, { recursive: true });
});
