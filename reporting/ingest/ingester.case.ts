import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '../../core/clock.ts';
import { createEmbeddedLog } from '../log/embedded.ts';
import { openStore } from '../store/clickhouse.ts';
import type { Store } from '../store/store.ts';
import { startIngest } from './ingest.ts';
import { testKey } from './truth.case.ts';

/**
 * A process to be killed: ingests an embedded log into an embedded store. `--die` kills it by itself at an exact step:
 * `STEP:N` at the Nth time it gets there.
 */
const { values } = parseArgs({
  options: { log: { type: 'string' }, store: { type: 'string' }, die: { type: 'string', default: 'never:0' } },
});
const [step, count] = (values.die ?? '').split(':');
let left = Number(count);
function at(name: string): void {
  if (name === step && --left <= 0) process.kill(process.pid, 'SIGKILL');
}

const log = createEmbeddedLog({ dir: values.log ?? '' }, { clock: systemClock });
at('before-migrate');
const store = await openStore({ at: { dir: values.store ?? '' } });
at('after-migrate');
const dying: Store = {
  ...store,
  async insertEvents(block) {
    at('before-insert');
    const inserting = store.insertEvents(block);
    // The kill comes while the engine's own thread is writing the part.
    if (step === 'in-insert') setTimeout(() => at('in-insert'), 3);
    await inserting;
    at('after-insert');
  },
  async claims(...args) {
    at('in-rebuild');
    await store.claims(...args);
  },
};
const ingest = await startIngest(
  { tokenKeys: [testKey], flushMs: 40 },
  {
    log: {
      ...log,
      consume: (options) =>
        log.consume(options).then((consumer) => ({
          ...consumer,
          async commit(partition, position) {
            at('before-commit');
            await consumer.commit(partition, position);
            at('after-commit');
          },
        })),
    },
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
setInterval(() => {
  void drained().then((yes) => {
    if (yes) process.stdout.write('drained\n');
  });
}, 100);

async function drained(): Promise<boolean> {
  const [ends, positions] = [await log.bounds('events'), await store.positions('events')];
  return ends.every(({ partition, end }) => end === 0 || positions.get(partition) === end);
}
