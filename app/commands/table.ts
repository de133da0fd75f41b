import { backupCommand, restoreCommand } from './backup.ts';
import { BENCH_USAGE, benchCommand } from './bench.ts';
import { configCommand } from './config.ts';
import { doctorCommand } from './doctor.ts';
import { eraseCommand } from './erase.ts';
import { keysCommand } from './keys.ts';
import { loadtestCommand } from './loadtest.ts';
import { migrateCommand, replayCommand } from './replay.ts';
import { runCommand } from './run.ts';
import { simulateCommand } from './simulate.ts';
import { startCommand } from './start.ts';

export interface Command {
  readonly says: string;
  /** What follows the name on the command line, for `evenkeel NAME --help`; not there when the command has help of its own. */
  readonly usage?: string;
  /** Resolves to the exit code, or to null when the process shall go on running. */
  readonly run: (args: readonly string[]) => Promise<number | null>;
}

/** Every command of `evenkeel`. */
export const commands: Readonly<Record<string, Command>> = {
  start: {
    says: 'run everything on this machine, with demo traffic unless configured',
    usage: '[--SETTING=value …]',
    run: startCommand,
  },
  run: {
    says: 'run one role: --role=bidder|ingest|pacer|api|reporting|demo',
    usage: '--role=bidder|ingest|pacer|api|reporting|demo [--SETTING=value …]',
    run: runCommand,
  },
  loadtest: { says: 'play the exchange against a bid endpoint and judge it by gates', run: loadtestCommand },
  bench: { says: 'measure this product on this machine', usage: BENCH_USAGE, run: benchCommand },
  simulate: { says: 'play a day of a market against the pacer, with a report', run: simulateCommand },
  replay: { says: 'rebuild the reports from the event log', usage: '[--SETTING=value …]', run: replayCommand },
  migrate: { says: 'bring the store’s schema up to date', usage: '[--SETTING=value …]', run: migrateCommand },
  keys: {
    says: 'list, create or revoke API keys of the running API',
    usage: 'list | create --name=… --role=operator|advertiser|read-only [--advertiser=ID] | revoke ID',
    run: keysCommand,
  },
  erase: {
    says: 'forget users: erase them from audiences, log and reports, with a report',
    usage: 'ID…',
    run: eraseCommand,
  },
  doctor: { says: 'look at everything a start needs', usage: '[--SETTING=value …]', run: doctorCommand },
  backup: { says: 'copy the data folder while everything runs', usage: 'FOLDER', run: backupCommand },
  restore: { says: 'put a backup back as a new data folder', usage: 'FOLDER', run: restoreCommand },
  config: {
    says: 'check, show or document the configuration',
    usage: 'check | show | docs [--SETTING=value …]',
    run: configCommand,
  },
};
