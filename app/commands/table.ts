import { configCommand } from './config.ts';

export interface Command {
  readonly says: string;
  /** Resolves to the exit code, or to null when the process shall go on running. */
  readonly run: (args: readonly string[]) => Promise<number | null>;
}

/** Every command of `evenkeel`. */
export const commands: Readonly<Record<string, Command>> = {
  config: { says: 'check, show or document the configuration', run: configCommand },
};
