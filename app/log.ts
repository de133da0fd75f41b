import { join } from 'node:path';
import type { EventLog } from '../core/eventlog.ts';
import { createEmbeddedLog } from '../reporting/log/embedded.ts';
import type { Config } from './config/table.ts';
import type { Context } from './context.ts';

/** The event log this process uses: Kafka when brokers are configured, else the embedded one in the data folder. */
export function openLog({ config, clock }: Context): EventLog {
  return createEmbeddedLog(
    {
      dir: join(config.dataDir, 'log'),
      partitions: config.logPartitions,
      retention: { maxAgeMs: config.logRetentionMs, maxBytes: Math.floor(config.logMaxBytes / config.logPartitions) },
    },
    { clock },
  );
}

/** Where uploaded audiences are: written by the API, read by every bid thread of this machine. */
export function audiencesPath(config: Config): string {
  return join(config.dataDir, 'audiences');
}
