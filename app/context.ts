import type { Logger } from 'pino';
import { type Clock, clockOf } from '../core/clock.ts';
import { parseArguments } from './arguments.ts';
import {
  type ConfigSources,
  findConfigFile,
  type LoadedConfig,
  loadConfig,
  processEnvironment,
} from './config/load.ts';
import type { Setting } from './config/setting.ts';
import { type Config, settingNames, settings } from './config/table.ts';
import { createLogger } from './logger.ts';

/** What every command begins with: its words, its own flags, the checked configuration, a clock and a logger. */
export interface Context {
  readonly words: readonly string[];
  /** Flags that are the command's own, not settings. */
  readonly own: Readonly<Record<string, string>>;
  /** Where the configuration came from, to read it again. */
  readonly sources: ConfigSources;
  readonly loaded: LoadedConfig;
  readonly config: Config;
  readonly configFile: string | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

const switches = settingNames.filter((name) => settings[name].type === 'switch').map((name) => settings[name].flag);

/**
 * Reads the command line and the configuration.
 * @param ownFlags flags of the command itself; a trailing `!` marks one that takes no value
 * @throws CodedError `config.invalid`, `arguments.invalid`
 */
export function createContext(role: string, args: readonly string[], ownFlags: readonly string[]): Context {
  const alone = new Set([
    ...switches,
    ...ownFlags.filter((flag) => flag.endsWith('!')).map((flag) => flag.slice(0, -1)),
    'help',
  ]);
  const { words, flags } = parseArguments(args, alone);
  const names = new Set(['config', ...ownFlags.map((flag) => flag.replace(/!$/, ''))]);
  const own = Object.fromEntries(Object.entries(flags).filter(([flag]) => names.has(flag)));
  const rest = Object.fromEntries(Object.entries(flags).filter(([flag]) => !names.has(flag)));
  const configFile = findConfigFile(flags.config);
  const sources: ConfigSources = { file: configFile, env: processEnvironment(), flags: rest };
  const loaded = loadConfig(sources);
  const { config } = loaded;
  const clock = clockOf({ scale: config.timeScale, originMs: config.timeOriginMs });
  return { words, own, sources, loaded, config, configFile, clock, logger: createLogger(role, config.logLevel) };
}

/** The settings that differ from their defaults, as flags: what a child process must be given to have the same. */
export function settingFlags(loaded: LoadedConfig): string[] {
  return settingNames
    .filter((name) => loaded.origins[name] === 'flag')
    .map((name) => {
      const setting = settings[name] as Setting<unknown>;
      const value = loaded.config[name];
      if (setting.type === 'switch') return value === true ? `--${setting.flag}` : `--no-${setting.flag}`;
      return `--${setting.flag}=${setting.type === 'json' ? JSON.stringify(value) : String(value)}`;
    });
}
