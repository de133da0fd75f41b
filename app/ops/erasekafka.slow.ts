import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loggedEventSchema } from '../../core/event.ts';
import { signToken } from '../../core/token.ts';
import { bidStatsSchema } from '../../core/topics.ts';
import { saltsSince } from '../../engine/users/salt.ts';
import { createBroker, kafkaMissing, type TestBroker } from '../../reporting/log/broker.case.ts';
import { createKafkaLog, type KafkaLog } from '../../reporting/log/kafka.ts';
import { projectRoot } from '../version.ts';
import { erasedToken } from './erase.case.ts';
import { type ErasureReport, hashesOf } from './erase.ts';

const VISITOR = 'somebody@example.com';
const SALT = 'a salt of sixteen bytes or more';
const SECRET = '00112233445566778899aabbccddeeff';
const DAY_MS = 86_400_000;
/** Seven days of retention, a day between two records of a segment, and the brokers' round. */
const KEPT_MS = 8 * DAY_MS + 300_000;

describe.runIf(kafkaMissing() === null)('evenkeel erase, over a real Kafka broker', () => {
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-erase-'));
  let broker: TestBroker;
  let log: KafkaLog;
  beforeAll(async () => {
    broker = await createBroker();
    await broker.start();
    log = await createKafkaLog({ brokers: [broker.address], partitions: 2 });
  });
  afterAll(async () => {
    await log?.close();
    await broker?.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  const hashOf = (id: string): string =>
    hashesOf([id], [], saltsSince({ secret: SALT, periodMs: 90 * DAY_MS }, Date.now(), Date.now()))[0]!;

  function notice(user: string, bid: number): Buffer {
    const token = signToken(
      { ...erasedToken, bidId: bid.toString(16).padStart(24, '0'), bidAtMs: Date.now(), user },
      { id: 1, secret: Buffer.from(SECRET, 'hex') },
    );
    return Buffer.from(
      JSON.stringify(loggedEventSchema.parse({ v: 1, type: 'bill', token, atMs: Date.now(), ip: '', ua: '' })),
    );
  }

  function statistics(user: string): Buffer {
    const requests = [{ hash: Number.parseInt(user.slice(8), 16), known: true, terms: { country: ['DEU'] } }];
    const counts = { requests: 1, answered: 1, noBids: {}, lineItems: [], cells: [], traffic: { level: 0, requests } };
    return Buffer.from(
      JSON.stringify(
        bidStatsSchema.parse({ v: 1, node: 'node-one', sequence: 1, fromMs: Date.now(), toMs: Date.now(), ...counts }),
      ),
    );
  }

  function erase(): { readonly report: ErasureReport; readonly said: string } {
    const flags = [
      `--kafka-brokers=${broker.address}`,
      `--token-keys=1:${SECRET}`,
      `--user-salt=${SALT}`,
      `--data-dir=${dir}`,
    ];
    const done = spawnSync(process.execPath, [join(projectRoot, 'dist', 'app', 'cli.js'), 'erase', VISITOR, ...flags], {
      encoding: 'utf8',
    });
    expect([done.status, done.stderr]).toEqual([0, expect.any(String)]);
    return { report: JSON.parse(done.stdout) as ErasureReport, said: done.stderr };
  }

  /** What retention does in the end: drops all that a topic holds. */
  async function expire(topic: string): Promise<void> {
    const admin = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets(topic);
    const partitions = offsets
      .filter(({ low, high }) => low !== high)
      .map(({ partition, high }) => ({ partition, offset: high }));
    await admin.deleteTopicRecords({ topic, partitions });
    await admin.disconnect();
  }

  it('says until when notices and drawn requests name the user, and nothing once they have left', async () => {
    const [mine, other] = [hashOf(VISITOR), hashOf('somebody-else@example.com')];
    const users = [mine, other, mine, other, other, other];
    await log.append(
      'events',
      users.map((user, at) => ({ key: `${at}`, value: notice(user, at) })),
    );
    await log.append(
      'bidstats',
      [other, mine, other].map((user) => ({ key: 'node-one', value: statistics(user) })),
    );
    const writtenMs = Date.now();

    const { report, said } = erase();
    expect(report.users).toContain(mine);
    expect(report.log).toMatchObject({ looked: users.length, erased: 0 });
    expect(report.drawn).toMatchObject({ looked: 3, erased: 0 });
    for (const { keptUntilMs } of [report.log, report.drawn]) {
      expect(keptUntilMs).toBeGreaterThan(writtenMs + KEPT_MS - 60_000);
      expect(keptUntilMs).toBeLessThanOrEqual(writtenMs + KEPT_MS);
    }
    expect(said.match(/Kafka can not change records/g)).toHaveLength(2);
    expect(JSON.stringify(report) + said).not.toContain('somebody');

    await expire('events');
    await expire('bidstats');
    const after = erase();
    expect(after.report.log).toEqual({ looked: 0, erased: 0, keptUntilMs: null });
    expect(after.report.drawn).toEqual({ looked: 0, erased: 0, keptUntilMs: null });
    expect(after.said).not.toContain('Kafka can not change records');
  });
});
