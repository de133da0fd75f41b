import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventLog } from '../../core/eventlog.ts';
import { createBroker, freePort, kafkaMissing, type TestBroker } from './broker.case.ts';
import { eventLogContract, eventually, numbered, readAll } from './eventlog.case.ts';
import { createKafkaLog } from './kafka.ts';

const PATIENCE_MS = 30_000;
const missing = kafkaMissing();

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
    broker = await createBroker();
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

  it('keeps what it acknowledged through kill -9 of the broker, and works again when it is back', async () => {
    const log = await open('kill-');
    const acknowledged: string[] = [];
    let refused = 0;
    let appending = true;
    const appender = (async () => {
      for (let i = 0; appending; i++) {
        try {
          await log.append('events', [{ key: `k${i}`, value: Buffer.from(String(i)) }]);
          acknowledged.push(`k${i}`);
        } catch (error) {
          expect(error).toMatchObject({ code: 'kafka_unreachable' });
          refused += 1;
        }
      }
    })();
    await eventually(() => acknowledged.length > 100, PATIENCE_MS);
    await broker.kill('SIGKILL');
    await eventually(() => refused > 0, PATIENCE_MS);
    await broker.start();
    const before = acknowledged.length;
    await eventually(() => acknowledged.length > before + 100, PATIENCE_MS);
    appending = false;
    await appender;
    const bounds = await log.bounds('events');
    const records = await readAll(
      log,
      'events',
      bounds.reduce((sum, { end }) => sum + end, 0),
      PATIENCE_MS,
    );
    const kept = new Set(records.map(({ key }) => key));
    expect(acknowledged.filter((key) => !kept.has(key))).toEqual([]);
  });

  it('says what is wrong: nobody there, a wrong password, missing topics', async () => {
    const port = await freePort();
    await expect(createKafkaLog({ brokers: [`127.0.0.1:${port}`] })).rejects.toMatchObject({
      code: 'kafka_unreachable',
    });
    const sasl = (password: string) => ({ mechanism: 'plain' as const, username: 'evenkeel', password });
    await expect(createKafkaLog({ brokers: [broker.saslAddress], sasl: sasl('wrong') })).rejects.toMatchObject({
      code: 'kafka_denied',
    });
    await expect(
      createKafkaLog({ brokers: [broker.address], topicPrefix: 'absent-', createTopics: false }),
    ).rejects.toMatchObject({ code: 'kafka_topic_missing' });
    const log = await createKafkaLog({ brokers: [broker.saslAddress], sasl: sasl('right'), topicPrefix: 'login-' });
    opened.push(log);
    await log.append('campaigns', numbered(1));
    expect((await log.bounds('campaigns'))[0]).toMatchObject({ end: 1 });
  });
});
