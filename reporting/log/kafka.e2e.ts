import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventLog } from '../../core/eventlog.ts';
import { brokerUser, createBroker, freePort, kafkaMissing, type TestBroker } from './broker.case.ts';
import { eventLogContract, eventually, numbered, readAll } from './eventlog.case.ts';
import { createKafkaLog, type KafkaLogConfig } from './kafka.ts';

const PATIENCE_MS = 30_000;
const missing = kafkaMissing();

/** Brokers of yours, `KAFKA_BROKERS`: the contract is run on them too, in topics of its own, which stay. */
const given = (process.env.KAFKA_BROKERS ?? '').split(',').filter((address) => address !== '');

describe.runIf(given.length > 0)('on the brokers that are named', () => {
  let prefix = `evenkeel-test-${randomUUID().slice(0, 8)}-`;
  eventLogContract('Kafka', {
    patienceMs: PATIENCE_MS,
    open: () => createKafkaLog({ brokers: given, topicPrefix: prefix, partitions: 4 }),
    async reset() {
      prefix = `evenkeel-test-${randomUUID().slice(0, 8)}-`;
    },
  });
});

describe.runIf(missing === null)('on a real Kafka broker', () => {
  let broker: TestBroker;
  let prefix = 0;
  const opened: EventLog[] = [];
  const open = async (topicPrefix: string, sessionTimeoutMs = 6000): Promise<EventLog> => {
    const log = await createKafkaLog({ brokers: [broker.address], topicPrefix, partitions: 4, sessionTimeoutMs });
    opened.push(log);
    return log;
  };
  beforeAll(async () => {
    broker = await createBroker({ tls: true });
    await broker.start();
  });
  afterAll(async () => {
    await Promise.all(opened.map((log) => log.close()));
    await broker.remove();
  });

  eventLogContract('Kafka', {
    patienceMs: PATIENCE_MS,
    open: () => open(`contract${prefix}-`),
    async reset() {
      prefix += 1;
    },
  });

  it('shares partitions among members and hands all of them to the one that is left', async () => {
    const log = await open('share-');
    await log.append('events', numbered(200));
    const member = async () => {
      const owned = new Set<number>();
      const seen: string[] = [];
      const consumer = await log.consume({
        topic: 'events',
        group: 'members',
        maxBatchRecords: 50,
        start: async (partition, committed) => {
          owned.add(partition);
          return committed?.offset ?? 0;
        },
        onBatch: async ({ records }) => void seen.push(...records.map(({ key }) => key)),
        onRevoked: (partition) => void owned.delete(partition),
        onError: (error) => {
          throw error;
        },
      });
      return { owned, seen, consumer };
    };
    const first = await member();
    await eventually(() => first.seen.length >= 200, PATIENCE_MS);
    const second = await member();
    await eventually(() => first.owned.size === 2 && second.owned.size === 2, PATIENCE_MS);
    expect(new Set([...first.owned, ...second.owned])).toEqual(new Set([0, 1, 2, 3]));
    await first.consumer.stop();
    await eventually(() => second.owned.size === 4, PATIENCE_MS);
    await eventually(() => new Set(second.seen).size === 200, PATIENCE_MS);
  });

  it('says what is wrong: nobody there, a wrong password, missing topics', async () => {
    const port = await freePort();
    await expect(createKafkaLog({ brokers: [`127.0.0.1:${port}`] })).rejects.toMatchObject({
      code: 'kafka_unreachable',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    const sasl = (password: string) => ({ mechanism: 'plain' as const, username: brokerUser.username, password });
    await expect(createKafkaLog({ brokers: [broker.saslAddress], sasl: sasl('wrong') })).rejects.toMatchObject({
      code: 'kafka_denied',
      message: expect.stringContaining('refused the login'),
    });
    await expect(
      createKafkaLog({ brokers: [broker.address], topicPrefix: 'absent-', createTopics: false }),
    ).rejects.toMatchObject({ code: 'kafka_topic_missing', message: expect.stringContaining('absent-events') });
    await usable({ brokers: [broker.saslAddress], sasl: sasl(brokerUser.password), topicPrefix: 'login-' });
  });

  it('speaks TLS with a login, and says when certificates or the password are not right', async () => {
    const brokers = [broker.tlsAddress];
    const login = { mechanism: 'scram-sha-512' as const, ...brokerUser };
    const trusted = { ca: [broker.ca] };
    await usable({ brokers, ssl: trusted, sasl: login, topicPrefix: 'tls-' });
    const refused = (config: Partial<KafkaLogConfig>) => refusal({ brokers, ssl: trusted, sasl: login, ...config });
    const elsewhere = { brokers: [broker.tlsAddress.replace('127.0.0.1', 'localhost')] };
    const { ssl: _, ...plain } = { brokers, ssl: trusted, sasl: login };
    const codes = await Promise.all([
      refused({ sasl: { ...login, password: 'wrong' } }),
      refused({ ssl: true }),
      refused(elsewhere),
      refused({ brokers: [broker.address] }),
      refusal(plain),
    ]);
    expect(codes).toEqual([
      'kafka_denied',
      'kafka_tls_failed', // signed by nobody we know
      'kafka_tls_failed', // made out to another host
      'kafka_unreachable', // TLS to a port without it
      'kafka_unreachable', // none to a port with it
    ]);
  });

  function refusal(config: KafkaLogConfig): Promise<string> {
    return createKafkaLog(config).then(
      (log) => `let in: ${opened.push(log)}`,
      (error: { code: string }) => error.code,
    );
  }

  async function usable(config: KafkaLogConfig): Promise<void> {
    const log = await createKafkaLog(config);
    opened.push(log);
    await log.append('campaigns', numbered(3));
    expect((await log.bounds('campaigns'))[0]).toMatchObject({ end: 3 });
    await readAll(log, 'campaigns', 3, PATIENCE_MS);
  }

  it('may be opened by many processes at once where there are no topics yet', async () => {
    for (let round = 0; round < 3; round++) {
      const logs = await Promise.all(Array.from({ length: 8 }, () => open(`together${round}-`)));
      await Promise.all(logs.map((log, i) => log.append('campaigns', [{ key: `${i}`, value: Buffer.from('x') }])));
      expect(await logs[0]!.bounds('campaigns')).toEqual([{ partition: 0, first: 0, end: 8 }]);
    }
  });

  it('creates its topics with what they need', async () => {
    const log = await createKafkaLog({
      brokers: [broker.address],
      topicPrefix: 'made-',
      partitions: 5,
      retentionMs: 86_400_000,
    });
    opened.push(log);
    expect((await log.bounds('events')).length).toBe(5);
    const admin = await kafkaAdmin(broker.address);
    try {
      const about = async (name: string) => {
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: 2, name: `made-${name}` }],
        });
        return new Map(resources[0]!.configEntries.map(({ configName, configValue }) => [configName, configValue]));
      };
      const events = await about('events');
      expect(events.get('cleanup.policy')).toBe('delete');
      expect(events.get('retention.ms')).toBe('86400000');
      expect(events.get('segment.ms')).toBe('86400000');
      expect(await log.keptForMs('events')).toBe(2 * 86_400_000 + 300_000);
      expect(events.get('min.insync.replicas')).toBe('1');
      expect((await about('campaigns')).get('cleanup.policy')).toBe('compact');
      expect((await about('pacing')).get('cleanup.policy')).toBe('compact');
    } finally {
      await admin.disconnect();
    }
  });
});

/** What an administrator's own tool would see. */
async function kafkaAdmin(address: string) {
  const admin = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  return admin;
}
