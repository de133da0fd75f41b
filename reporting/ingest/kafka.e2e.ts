import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBroker, kafkaMissing, type TestBroker } from '../log/broker.case.ts';
import { long, recordFault } from './faulttable.case.ts';
import { type Pipeline, startPipeline, until } from './pipeline.case.ts';

const missing = kafkaMissing();
/** Where an announced block is not yet, is perhaps, and is in the store. */
const deaths = long
  ? ['before-commit:1', 'before-insert:1', 'in-insert:2', 'after-insert:2', 'after-commit:3', 'in-rebuild:2']
  : ['in-insert:1', 'after-insert:2'];
const faults = ['cut-before', 'cut-after', 'error-after', 'slow', 'denied', 'no-space', 'delayed', 'slow-body'];

describe.runIf(missing === null)('through a real broker, a spool and a ClickHouse that fail', () => {
  let broker: TestBroker;
  let pipeline: Pipeline;
  beforeAll(async () => {
    broker = await createBroker();
    await broker.start();
    pipeline = await startPipeline([broker.address], 1, 4);
  });
  afterAll(async () => {
    await pipeline.stop();
    await broker.remove();
  });

  it('counts everything exactly once', { timeout: 420_000 }, async () => {
    for (const death of deaths) {
      const signal = await pipeline.startMember(death).ended();
      expect([death, signal]).toEqual([death, 'SIGKILL']);
      await until(`killed ${death}`, () => true);
    }
    // One, then three that share the partitions, while the store misbehaves in every way.
    await pipeline.restartStore(faults);
    const [zombie, second, third] = [pipeline.startMember(), pipeline.startMember(), pipeline.startMember()] as const;
    const members = [zombie, second, third];
    await until('three members have a partition each', () => members.every(({ partitions }) => partitions.size === 1));
    await until('every fault of the store fired', () => faults.every((fault) => pipeline.fired().has(fault)));

    zombie.child.kill('SIGUSR2');
    await until('a member stopped with a block in its hands', () => zombie.said('freezing') === 1);
    await until('its partition went to others', () => second.partitions.size + third.partitions.size === 3);
    zombie.child.kill('SIGCONT');
    const before = zombie.said('revoked');
    await until('the zombie noticed', () => zombie.said('revoked') > before);
    await until('and has a partition again', () => zombie.partitions.size === 1);

    await broker.kill('SIGKILL');
    await until('events wait on the local disk', async () => (await pipeline.spool.backlog()) > 100);
    await pipeline.restartStore();
    await broker.start();
    second.child.kill('SIGKILL');
    third.child.kill('SIGTERM');
    await until('one member is left', () => zombie.partitions.size === 3);
    await pipeline.settle();
    await until('everything is in the store', () => true);

    const { sent } = await pipeline.reconcile();
    expect(sent).toBeGreaterThan(3000);
    if (long) {
      zombie.child.kill('SIGTERM');
      await zombie.ended();
      expect(await pipeline.replay()).toBeGreaterThanOrEqual(sent);
      await pipeline.reconcile();
      recordFault('a replay of everything from Kafka', 1, sent, 'equal to the truth, and to what was there');
    }
    expect([...pipeline.fired().keys()].sort(), 'each fault really happened').toEqual([...faults].sort());
    recordFault('kill -9 of ingest over Kafka', deaths.length + 1, sent, 'equal to the truth');
    for (const [fault, count] of pipeline.fired())
      recordFault(`ClickHouse over HTTP: ${fault}`, count, sent, 'equal to the truth');
    recordFault('kill -9 of the ClickHouse server', 2, sent, 'equal to the truth');
    recordFault('kill -9 of the Kafka broker', 1, sent, 'equal to the truth; events waited in the spool');
    recordFault('one member, three, one again', 2, sent, 'equal to the truth');
    recordFault(
      'a zombie: stopped with an announced block past its session, then alive',
      1,
      sent,
      'equal to the truth',
    );
  });
});
