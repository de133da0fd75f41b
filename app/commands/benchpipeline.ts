import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { CodedError } from '../../core/errors.ts';
import { benchPipeline, type PipelineBench } from '../../reporting/ingest/bench.ts';
import { benchTableEngine, type TableEngineBench } from '../../reporting/ingest/benchengine.ts';
import { createBroker, kafkaMissing } from '../../reporting/log/broker.case.ts';
import { processEnvironment } from '../config/load.ts';
import { createLogger } from '../logger.ts';

type Flags = Readonly<Record<string, string>>;
type Result = PipelineBench | TableEngineBench;

/** Events a second that must be held. */
const EMBEDDED_RATE = 20_000;
const KAFKA_RATE = 10_000;

/**
 * `bench pipeline [--quick] [--json] [--rate=N] [--seconds=N] [--kafka=HOST:PORT] [--only=embedded|kafka]`: the embedded
 * log, then Kafka (a broker of its own when none is named and Java and Maven are there), then ClickHouse's Kafka table
 * engine on the same records. Each in a process of its own, because one process holds one chDB directory.
 * @returns whether every bar was held
 */
export async function pipelineBench(quick: boolean, json: boolean, flags: Flags): Promise<boolean> {
  if (flags.through !== undefined) return runOne(flags);
  const seconds = flags.seconds ?? (quick ? '8' : '60');
  const topicPrefix = `bench-${systemClock.nowMs().toString(36)}-`;
  const results: Result[] = [];
  if (flags.only !== 'kafka') {
    results.push(await inChild({ through: 'embedded', seconds, rate: flags.rate ?? String(EMBEDDED_RATE) }));
  }
  if (flags.only !== 'embedded') {
    const broker = await brokerFor(flags);
    if (broker !== null) {
      const at = { kafka: broker.address, prefix: topicPrefix };
      try {
        const ours = await inChild({ through: 'kafka', seconds, rate: flags.rate ?? String(KAFKA_RATE), ...at });
        const records = String((ours as PipelineBench).appended);
        results.push(ours, await inChild({ through: 'engine', records, ...at }));
      } finally {
        await broker.stop();
      }
    }
  }
  if (json) console.log(JSON.stringify(results, null, 2));
  else print(results);
  return results.every((result) => !('missed' in result) || result.missed.length === 0);
}

/** One measurement, printed as JSON for the process that asked for it. */
async function runOne({ through, kafka = '', prefix = '', rate, seconds, records }: Flags): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'));
  const clock = systemClock;
  try {
    const result =
      through === 'engine'
        ? await benchTableEngine({ dir, kafka, topic: `${prefix}events`, records: Number(records) }, { clock })
        : await benchPipeline(
            {
              dir,
              ratePerSecond: Number(rate),
              seconds: Number(seconds),
              kafka: through === 'kafka' ? { address: kafka, topicPrefix: prefix } : null,
            },
            { clock, logger: createLogger('bench', 'warn') },
          );
    console.log(`RESULT ${JSON.stringify(result)}`);
    return true;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function inChild(flags: Flags): Promise<Result> {
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(process.execPath, [process.argv[1] ?? '', 'bench', 'pipeline', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await new Promise<void>((resolve) => child.once('close', () => resolve()));
  const found = /^RESULT (.*)$/m.exec(text)?.[1];
  if (found !== undefined) return JSON.parse(found) as Result;
  throw new CodedError('bench_failed', `The measurement "${flags.through}" failed.`, 'Its own words are above.');
}

async function brokerFor(flags: Flags): Promise<{ readonly address: string; stop(): Promise<void> } | null> {
  const named = flags.kafka ?? processEnvironment().KAFKA_BROKERS?.split(',')[0];
  if (named !== undefined && named !== '') return { address: named, stop: async () => {} };
  if (kafkaMissing() !== null) return null;
  const broker = await createBroker();
  await broker.start();
  return { address: broker.address, stop: () => broker.remove() };
}

function print(results: readonly Result[]): void {
  const load = loadavg()[0]!.toFixed(1);
  console.log(`${cpus().length} cores, load ${load} (others' work slows times, hardly CPU per event)`);
  for (const result of results) {
    console.log('');
    for (const [name, value] of Object.entries(result)) {
      console.log(`${name.padEnd(18)} ${Array.isArray(value) ? value.join('; ') || 'nothing' : value}`);
    }
  }
}
