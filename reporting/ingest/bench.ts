import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import type { Clock } from '../../core/clock.ts';
import { CodedError } from '../../core/errors.ts';
import type { EventLog } from '../../core/eventlog.ts';
import type { TokenKey } from '../../core/token.ts';
import { createEmbeddedLog } from '../log/embedded.ts';
import { createKafkaLog } from '../log/kafka.ts';
import { openStore } from '../store/clickhouse.ts';
import type { Store } from '../store/store.ts';
import { startIngest } from './ingest.ts';

/** The key of benchmark traffic, worth nothing. */
export const benchKey: TokenKey = { id: 255, secret: Buffer.from('evenkeel-bench') };

export interface PipelineBenchConfig {
  /** An empty directory; what is written there is the caller's to remove. */
  readonly dir: string;
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** A broker and a prefix for topics, to measure through Kafka; null for the embedded log. */
  readonly kafka: { readonly address: string; readonly topicPrefix: string } | null;
}

export interface PipelineBench {
  readonly through: 'embedded' | 'kafka';
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly appended: number;
  readonly accepted: number;
  readonly billedNanos: string;
  /** Records in the log and not in the store: a third into the run, and when the last was appended. */
  readonly lagEarly: number;
  readonly lagLate: number;
  /** Age of the oldest record of each block when it could be queried, milliseconds. */
  readonly freshnessP50Ms: number;
  readonly freshnessP99Ms: number;
  /** CPU of this process (ingest and ClickHouse), as a number of cores, and for one event. */
  readonly cores: number;
  readonly cpuMicrosPerEvent: number;
  /** Bars that were missed, in words; empty when all hold. */
  readonly missed: readonly string[];
}

/**
 * Appends events from another process at a fixed rate while this one ingests them into chDB. Needs built files.
 * @throws CodedError `bench_failed` when the producer did not end well
 */
export async function benchPipeline(
  config: PipelineBenchConfig,
  deps: { readonly clock: Clock; readonly logger: Logger },
): Promise<PipelineBench> {
  const { clock } = deps;
  const log: EventLog =
    config.kafka === null
      ? createEmbeddedLog({ dir: `${config.dir}/log` }, { clock })
      : await createKafkaLog({ brokers: [config.kafka.address], topicPrefix: config.kafka.topicPrefix, partitions: 4 });
  const store = await openStore({ at: { dir: `${config.dir}/store` } });
  const ages: number[] = [];
  const timed: Store = {
    ...store,
    async insertEvents(block) {
      await store.insertEvents(block);
      const oldestMs = block.rows.reduce((least, row) => Math.min(least, row.appendedMs), Number.POSITIVE_INFINITY);
      ages.push(Math.max(0, clock.nowMs() - oldestMs));
    },
  };
  const ingest = await startIngest(
    { tokenKeys: [benchKey], sharedPartitions: config.kafka !== null },
    {
      log,
      store: timed,
      clock,
      registry: new Registry(),
      logger: deps.logger,
      onFatal: (error) => deps.logger.error({ error }, 'ingest stopped'),
    },
  );
  const cpu = process.cpuUsage();
  const startedMs = clock.monotonicMs();
  const producing = produce(config);
  await pause((config.seconds * 1000) / 3);
  const lagEarly = await lag(log, store);
  const appended = await producing;
  const lagLate = await lag(log, store);
  const used = process.cpuUsage(cpu);
  const cores = (used.user + used.system) / 1000 / (clock.monotonicMs() - startedMs);
  for (let waitedMs = 0; (await lag(log, store)) > 0 && waitedMs < 60_000; waitedMs += 50) await pause(50);
  const all = process.cpuUsage(cpu);
  const { accepted, billedNanos, faults } = await store.audit();
  await ingest.stop();
  await store.close();
  await log.close();
  ages.sort((a, b) => a - b);
  const freshnessP99Ms = Math.round(ages[Math.floor(ages.length * 0.99)] ?? 0);
  const freshMs = config.kafka === null ? 2000 : 3000;
  const missed = [
    accepted === appended ? '' : `${appended} appended, ${accepted} accepted`,
    ...faults,
    appended >= config.ratePerSecond * config.seconds * 0.98 ? '' : 'the producer did not keep the rate',
    lagLate - lagEarly <= config.ratePerSecond / 2 ? '' : 'the lag grew by more than half a second of events',
    freshnessP99Ms <= freshMs ? '' : `freshness p99 above ${freshMs} ms`,
  ];
  return {
    through: config.kafka === null ? 'embedded' : 'kafka',
    ratePerSecond: config.ratePerSecond,
    seconds: config.seconds,
    appended,
    accepted,
    billedNanos: billedNanos.toString(),
    lagEarly,
    lagLate,
    freshnessP50Ms: Math.round(ages[Math.floor(ages.length * 0.5)] ?? 0),
    freshnessP99Ms,
    cores: Math.round(cores * 100) / 100,
    cpuMicrosPerEvent: Math.round(((all.user + all.system) / Math.max(1, appended)) * 10) / 10,
    missed: missed.filter((text) => text !== ''),
  };
}

async function lag(log: EventLog, store: Store): Promise<number> {
  const [bounds, positions] = [await log.bounds('events'), await store.positions('events')];
  return bounds.reduce((sum, { partition, end }) => sum + end - (positions.get(partition) ?? 0), 0);
}

async function produce(config: PipelineBenchConfig): Promise<number> {
  const main = fileURLToPath(new URL('./benchproducer.js', import.meta.url));
  const args = ['--rate', String(config.ratePerSecond), '--seconds', String(config.seconds)];
  const where =
    config.kafka === null
      ? ['--dir', `${config.dir}/log`]
      : ['--kafka', config.kafka.address, '--prefix', config.kafka.topicPrefix];
  const child = spawn(process.execPath, [main, ...args, ...where], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const appended = /appended (\d+)/.exec(text)?.[1];
  if (code !== 0 || appended === undefined) {
    throw new CodedError(
      'bench_failed',
      'The process that appends events failed.',
      'Build first; see its output above.',
    );
  }
  return Number(appended);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
