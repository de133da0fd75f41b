import { parseArgs } from 'node:util';
import { systemClock } from '../../core/clock.ts';
import { createEmbeddedLog } from './embedded.ts';

/** A process to be killed: appends numbered events without end and prints each number once it is durable. */
const { values } = parseArgs({ options: { dir: { type: 'string' }, name: { type: 'string' } } });
const log = createEmbeddedLog({ dir: values.dir ?? '' }, { clock: systemClock });
let next = 0;

async function appendForever(): Promise<void> {
  for (;;) {
    const number = next++;
    const key = `${values.name}-${number}`;
    try {
      await log.append('events', [{ key, value: Buffer.from(key.repeat(1 + (number % 50))) }]);
    } catch (error) {
      process.stdout.write(`refused ${(error as { code?: string }).code}\n`);
      process.exit(3);
    }
    process.stdout.write(`${key}\n`);
  }
}

await Promise.all(Array.from({ length: 32 }, appendForever));
