import { backupCommand, restoreCommand } from './backup.ts';
import { benchCommand } from './bench.ts';
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
  /** Resolves to the exit code, or to null when the process shall go on running. */
  readonly run: (args: readonly string[]) => Promise<number | null>;
}

/** Every command of `evenkeel`. */
export const commands: Readonly<Record<string, Command>> = {
  start: { says: 'run everything on this machine, with demo traffic unless configured', run: startCommand },
  run: { says: 'run one role: --role=bidder|ingest|pacer|api|reporting|demo', run: runCommand },
  loadtest: { says: 'play the exchange against a bid endpoint and judge it by gates', run: loadtestCommand },
  bench: { says: 'measure: bid, pipeline or pacing', run: benchCommand },
  simulate: { says: 'play a day of a market against the pacer, with a report', run: simulateCommand },
  replay: { says: 'rebuild the reports from the event log', run: replayCommand },
  migrate: { says: 'bring the store’s schema up to date', run: migrateCommand },
  keys: { says: 'list, create or revoke API keys of the running API', run: keysCommand },
  erase: { says: 'forget users: erase them from audiences, log and reports, with a report', run: eraseCommand },
  doctor: { says: 'look at everything a start needs', run: doctorCommand },
  backup: { says: 'copy the data folder while everything runs', run: backupCommand },
  restore: { says: 'put a backup back as a new data folder', run: restoreCommand },
  config: { says: 'check, show or document the configuration', run: configCommand },
};
