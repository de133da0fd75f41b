import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '../../core/clock.ts';
import type { EventLog } from '../../core/eventlog.ts';
import { createEmbeddedLog } from '../log/embedded.ts';
import { createKafkaLog } from '../log/kafka.ts';
import { openStore } from '../store/clickhouse.ts';
import type { Store } from '../store/store.ts';
import { startIngest } from './ingest.ts';
import { testKey } from './truth.case.ts';

/**
 * A process to be killed: ingests an embedded log (`--log`) or Kafka (`--kafka`, `--prefix`) into an embedded store
 * (`--store`) or a server (`--clickhouse`). `--die STEP:N` makes it kill itself the Nth time it gets to a step;
 * after SIGUSR2 it stops itself (SIGSTOP) with the next announced block in its hands. Says `ready`, `assigned P`, `revoked P`,
 * `freezing` and `drained`.
 */
const { values } = parseArgs({
  options: {
    log: { type: 'string' },
    kafka: { type: 'string' },
    prefix: { type: 'string' },
    store: { type: 'string' },
    clickhouse: { type: 'string' },
    die: { type: 'string', default: 'never:0' },
  },
});
const [step, count] = (values.die ?? '').split(':');
let left = Number(count);
let freezing = false;
process.on('SIGUSR2', () => {
  freezing = true;
});
function at(name: string): void {
  if (name === step && --left <= 0) process.kill(process.pid, 'SIGKILL');
  if (name !== 'before-insert' || !freezing) return;
  freezing = false;
  writeSync(1, 'freezing\n');
  process.kill(process.pid, 'SIGSTOP');
}

async function openLog(): Promise<EventLog> {
  if (values.kafka === undefined) return createEmbeddedLog({ dir: values.log ?? '' }, { clock: systemClock });
  return createKafkaLog({ brokers: values.kafka.split(','), topicPrefix: values.prefix ?? '', sessionTimeoutMs: 2000 });
}

const log = await openLog();
at('before-migrate');
const store = await openStore({
  at:
    values.clickhouse === undefined
      ? { dir: values.store ?? '' }
      : { server: { url: values.clickhouse, username: 'default', password: 'right', timeoutMs: 1500 } },
});
at('after-migrate');
const dying: Store = {
  ...store,
  async insertEvents(block) {
    at('before-insert');
    const inserting = store.insertEvents(block);
    // The kill comes while the engine is writing the part.
    if (step === 'in-insert') setTimeout(() => at('in-insert'), 3);
    await inserting;
    at('after-insert');
  },
  async claims(...args) {
    at('in-rebuild');
    await store.claims(...args);
  },
};
const watched: EventLog = {
  ...log,
  async consume(options) {
    const mine = new Set<number>();
    const say = (what: string, partition: number): void => {
      if (options.topic === 'events') process.stdout.write(`${what} ${partition}\n`);
    };
    const consumer = await log.consume({
      ...options,
      async onBatch(batch) {
        if (!mine.has(batch.partition)) say('assigned', batch.partition);
        mine.add(batch.partition);
        await options.onBatch(batch);
      },
      onRevoked(partition) {
        if (mine.delete(partition)) say('revoked', partition);
        options.onRevoked?.(partition);
      },
    });
    return {
      ...consumer,
      async commit(partition, position) {
        at('before-commit');
        await consumer.commit(partition, position);
        at('after-commit');
      },
    };
  },
};
const ingest = await startIngest(
  { tokenKeys: [testKey], flushMs: 40, sharedPartitions: values.kafka !== undefined },
  {
    log: watched,
    store: dying,
    clock: systemClock,
    registry: new Registry(),
    logger: pino({ level: 'silent' }),
    onFatal: (error) => {
      process.stderr.write(`${error}\n`);
      process.exit(1);
    },
  },
);
process.stdout.write('ready\n');
process.on('SIGTERM', () => {
  void ingest
    .stop()
    .then(() => store.close())
    .then(() => log.close())
    .then(() => process.exit(0));
});
void (async () => {
  // One question at a time: on a busy machine they would pile up before the store.
  for (;;) {
    if (await drained().catch(() => false)) process.stdout.write('drained\n');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
})();

async function drained(): Promise<boolean> {
  const [ends, positions] = [await log.bounds('events'), await store.positions('events')];
  return ends.every(({ partition, end }) => end === 0 || positions.get(partition) === end);
}
