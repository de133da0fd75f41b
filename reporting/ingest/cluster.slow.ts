import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCluster, kafkaMissing, type TestBroker } from '../log/broker.case.ts';
import { recordFault } from './faulttable.case.ts';
import { type Pipeline, startPipeline, until } from './pipeline.case.ts';

const TOPIC = 'p5-events';

describe.runIf(kafkaMissing() === null)('through a cluster of three brokers that die', () => {
  let brokers: readonly TestBroker[] = [];
  let pipeline: Pipeline;
  beforeAll(async () => {
    brokers = await createCluster(3);
    await Promise.all(brokers.map((broker) => broker.start()));
    pipeline = await startPipeline(
      brokers.map(({ address }) => address),
      3,
      5,
    );
  });
  afterAll(async () => {
    await pipeline.stop();
    await Promise.all(brokers.map((broker) => broker.remove()));
  });

  it('counts everything exactly once', { timeout: 480_000 }, async () => {
    const admin = new Kafka({ brokers: brokers.map(({ address }) => address), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    /** Partition → the broker that leads it; and how many copies are in sync. */
    const leaders = async (): Promise<Map<number, { leader: number; inSync: number }>> => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] });
      return new Map(
        topics[0]!.partitions.map(({ partitionId, leader, isr }) => [partitionId, { leader, inSync: isr.length }]),
      );
    };
    const members = [pipeline.startMember(), pipeline.startMember()];
    await until('both members read', () => members.every(({ partitions }) => partitions.size > 0));

    let changes = 0;
    for (const partition of [0, 1]) {
      await until('every partition has three copies', async () =>
        [...(await leaders())].every(([, { inSync }]) => inSync === 3),
      );
      const { leader } = (await leaders()).get(partition)!;
      const victim = brokers.find(({ id }) => id === leader)!;
      await victim.kill('SIGKILL');
      await until(`partition ${partition} has another leader`, async () => {
        const now = (await leaders().catch(() => null))?.get(partition)?.leader;
        return now !== undefined && now !== leader && now >= 0;
      });
      changes += 1;
      const counted = pipeline.spool;
      await until('events flow again', async () => (await counted.backlog()) < 200);
      await victim.start();
    }
    // All at once: what was acknowledged must be on their disks.
    await Promise.all(brokers.map((broker) => broker.kill('SIGKILL')));
    await until('events wait on the local disk', async () => (await pipeline.spool.backlog()) > 200);
    await Promise.all(brokers.map((broker) => broker.start()));
    await until('the cluster answers', async () => (await leaders().catch(() => new Map())).size === 3);
    await admin.disconnect();
    await pipeline.settle();
    const { sent } = await pipeline.reconcile();
    expect(sent).toBeGreaterThan(3000);
    recordFault('kill -9 of the leader in a cluster of three', changes, sent, 'another led; equal to the truth');
    recordFault('kill -9 of all three brokers at once', 1, sent, 'equal to the truth; events waited in the spool');
  });
});
