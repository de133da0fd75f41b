import { backupCommand, restoreCommand } from './backup.ts';
import { configCommand } from './config.ts';

export interface Command {
  readonly says: string;
  /** Resolves to the exit code, or to null when the process shall go on running. */
  readonly run: (args: readonly string[]) => Promise<number | null>;
}

/** Every command of `evenkeel`. */
export const commands: Readonly<Record<string, Command>> = {
  backup: { says: 'copy the data folder while everything runs', run: backupCommand },
  restore: { says: 'put a backup back as a new data folder', run: restoreCommand },
  config: { says: 'check, show or document the configuration', run: configCommand },
};
