import { parseArgs } from 'node:util';
import { systemClock } from '../../core/clock.ts';
import { createEmbeddedLog } from '../log/embedded.ts';
import { openStore } from '../store/clickhouse.ts';
import { replay } from './replay.ts';
import { testKey } from './truth.case.ts';

/** A process to be killed: replays a log into its store. `--die copy|progress|swap` says where. */
const { values } = parseArgs({
  options: { log: { type: 'string' }, store: { type: 'string' }, die: { type: 'string', default: '' } },
});
const die = (where: string): void => {
  if (values.die === where) process.kill(process.pid, 'SIGKILL');
};
const log = createEmbeddedLog({ dir: values.log ?? '' }, { clock: systemClock });
const store = await openStore({ at: { dir: values.store ?? '' } });
const result = await replay(
  { tokenKeys: [testKey] },
  {
    log,
    store: {
      ...store,
      async rebuild() {
        const rebuild = await store.rebuild();
        return {
          ...rebuild,
          async copy(partition, from, to) {
            die('copy');
            return rebuild.copy(partition, from, to);
          },
          async swap() {
            die('before-swap');
            const swapping = rebuild.swap();
            die('in-swap');
            await swapping;
            die('after-swap');
          },
        };
      },
    },
    onProgress: () => die('progress'),
  },
);
process.stdout.write(`${JSON.stringify({ replayed: result.replayed, faults: result.after.faults })}\n`);
await store.close();
await log.close();
process.exit(0);
