import type { Registry } from 'prom-client';
import { codeOf, messageOf } from '../core/errors.ts';
import { type LoadedConfig, loadConfig } from './config/load.ts';
import type { Setting } from './config/setting.ts';
import { type Config, type SettingName, settingNames, settings } from './config/table.ts';
import type { Context } from './context.ts';
import { tellSupervisor } from './messages.ts';
import { reloadCounter } from './metrics/register.ts';

/** What became of a reload: for the log and a counter. */
export type ReloadOutcome = 'applied' | 'unchanged' | 'refused';

/** Names of settings that differ, those that can change while a process runs apart from those that can not. */
export function differences(
  before: Config,
  after: Config,
): { readonly live: readonly SettingName[]; readonly restart: readonly SettingName[] } {
  const changed = settingNames.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  const isLive = (name: SettingName): boolean => (settings[name] as Setting<unknown>).live === true;
  return { live: changed.filter(isLive), restart: changed.filter((name) => !isLive(name)) };
}

/**
 * Reads the configuration again at every SIGHUP and takes over the settings marked live, the log level in every role.
 * What can not be used changes nothing.
 * @param apply may throw a CodedError when a value can not be used; nothing must have changed then
 */
export function reloadOnHangup(context: Context, metrics: Registry, apply: (config: Config) => void = () => {}): void {
  const reloads = reloadCounter(metrics);
  let current = context.config;
  process.on('SIGHUP', () => {
    const [outcome, config] = reload(context, () => loadConfig(context.sources), current, apply);
    current = config;
    reloads.inc({ outcome });
  });
}

/** Asks for what SIGHUP asks for: of the supervisor for all its roles, else of this process. */
export function askForReload(): void {
  if (process.connected) tellSupervisor({ kind: 'reload' });
  else process.kill(process.pid, 'SIGHUP');
}

/** One reload. @returns the outcome, and the configuration in force after it */
export function reload(
  { logger }: Pick<Context, 'logger'>,
  load: () => LoadedConfig,
  current: Config,
  apply: (config: Config) => void,
): readonly [ReloadOutcome, Config] {
  try {
    const { config } = load();
    const { live, restart } = differences(current, config);
    if (restart.length > 0)
      logger.warn({ code: 'reload.restart_needed', settings: restart }, 'changed, but only a restart takes them over');
    if (live.length === 0) return ['unchanged', current];
    apply(config);
    logger.level = config.logLevel;
    logger.warn({ code: 'reload.applied', settings: live }, 'the configuration was read again');
    return ['applied', { ...current, ...Object.fromEntries(live.map((name) => [name, config[name]])) }];
  } catch (error) {
    logger.error({ code: codeOf(error), error: messageOf(error) }, 'the configuration was not taken over');
    return ['refused', current];
  }
}
