import { existsSync, readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { CodedError, messageOf } from '../../core/errors.ts';
import type { Setting } from './setting.ts';
import { type Config, type SettingName, settingNames, settings } from './table.ts';

/** Where the values of a configuration come from; later ones win. */
export interface ConfigSources {
  /** Path of a YAML or JSON file with setting names as keys; null for none. */
  readonly file: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags as given, without dashes: `{ 'bid-port': '9000', 'no-demo-traffic': '' }`. */
  readonly flags: Readonly<Record<string, string>>;
}

/** Which source decided a value. */
export type Origin = 'default' | 'file' | 'environment' | 'flag';

export interface LoadedConfig {
  readonly config: Config;
  readonly origins: Readonly<Record<SettingName, Origin>>;
}

const DEFAULT_FILES = ['evenkeel.yaml', 'evenkeel.json'];

/** The process's environment: the only place that reads it. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

/** The configuration file to use: the one named, else `evenkeel.yaml` or `evenkeel.json` in the working folder. */
export function findConfigFile(named: string | undefined): string | null {
  return named ?? DEFAULT_FILES.find((name) => existsSync(name)) ?? null;
}

/**
 * Reads and checks every setting.
 * @throws CodedError `config.invalid` that lists all problems at once, one a line
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const problems: string[] = [];
  const fromFile = sources.file === null ? {} : readFile(sources.file, problems);
  const values: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const name of settingNames) {
    const setting = settings[name] as Setting<unknown>;
    const [origin, raw, label] = pick(name, setting, sources, fromFile);
    origins[name] = origin;
    const read = origin === 'default' ? { value: setting.fallback } : readValue(setting, raw);
    if ('problem' in read) problems.push(`${label}: ${read.problem}`);
    else {
      values[name] = read.value;
      for (const fault of setting.faults?.(read.value) ?? []) problems.push(`${label}: ${fault}`);
    }
  }
  problems.push(...unknownNames(sources, fromFile));
  if (problems.length > 0) {
    throw new CodedError(
      'config.invalid',
      `the configuration can not be used:\n  - ${problems.join('\n  - ')}\n`,
      'Correct these, then run `evenkeel config check`.',
    );
  }
  return { config: values as Config, origins: origins as Record<SettingName, Origin> };
}

function pick(
  name: SettingName,
  setting: Setting<unknown>,
  sources: ConfigSources,
  file: Readonly<Record<string, unknown>>,
): readonly [Origin, unknown, string] {
  if (setting.type === 'switch' && `no-${setting.flag}` in sources.flags)
    return ['flag', false, `--no-${setting.flag}`];
  const flag = sources.flags[setting.flag];
  if (flag !== undefined) return ['flag', flag === '' && setting.type === 'switch' ? true : flag, `--${setting.flag}`];
  const env = sources.env[setting.env];
  if (env !== undefined && env !== '') return ['environment', env, setting.env];
  if (name in file) return ['file', file[name], `${sources.file}: ${name}`];
  return ['default', undefined, name];
}

function readValue(setting: Setting<unknown>, raw: unknown): { value: unknown } | { problem: string } {
  switch (setting.type) {
    case 'integer':
    case 'number':
      return readNumber(setting, raw);
    case 'switch': {
      const value = { true: true, on: true, '1': true, yes: true, false: false, off: false, '0': false, no: false }[
        String(raw).toLowerCase()
      ];
      return value === undefined ? { problem: `must be on or off, not ${show(raw)}` } : { value };
    }
    case 'list': {
      const items = Array.isArray(raw) ? raw.map(String) : String(raw).split(',');
      return { value: items.map((item) => item.trim()).filter((item) => item !== '') };
    }
    case 'json':
      return readJson(raw);
    case 'text': {
      const value = String(raw);
      if (setting.oneOf !== undefined && !setting.oneOf.includes(value)) {
        return {
          problem: `must be one of ${setting.oneOf.map((one) => one || '(empty)').join(', ')}, not ${show(raw)}`,
        };
      }
      return { value };
    }
  }
}

function readNumber(setting: Setting<unknown>, raw: unknown): { value: number } | { problem: string } {
  const value = typeof raw === 'number' ? raw : typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : Number.NaN;
  const unit = setting.unit === undefined ? '' : ` ${setting.unit}`;
  if (!Number.isFinite(value)) return { problem: `must be a number${unit && ` of${unit}`}, not ${show(raw)}` };
  if (setting.type === 'integer' && !Number.isSafeInteger(value))
    return { problem: `must be a whole number, not ${value}` };
  if (setting.min !== undefined && value < setting.min)
    return { problem: `must be at least ${setting.min}${unit}, not ${value}` };
  if (setting.max !== undefined && value > setting.max)
    return { problem: `must be at most ${setting.max}${unit}, not ${value}` };
  return { value };
}

function readJson(raw: unknown): { value: unknown } | { problem: string } {
  try {
    const value: unknown = typeof raw === 'string' ? JSON.parse(raw) : raw;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { value };
    return { problem: 'must be an object' };
  } catch (error) {
    return { problem: `is not JSON: ${messageOf(error)}` };
  }
}

function readFile(path: string, problems: string[]): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = parseYaml(readFileSync(path, 'utf8'));
    if (value === null) return {};
    if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
    problems.push(`${path}: must be a mapping of setting names to values`);
  } catch (error) {
    problems.push(`${path}: ${messageOf(error)}`);
  }
  return {};
}

function unknownNames(sources: ConfigSources, file: Readonly<Record<string, unknown>>): string[] {
  const flags = new Set<string>(settingNames.map((name) => settings[name].flag));
  const unknownFlags = Object.keys(sources.flags).filter((flag) => !flags.has(flag.replace(/^no-/, '')));
  const unknownKeys = Object.keys(file).filter((key) => !(key in settings));
  return [
    ...unknownFlags.map((flag) => `--${flag}: no such setting; see \`evenkeel --help\``),
    ...unknownKeys.map((key) => `${sources.file}: ${key}: no such setting; see docs/configuration.md`),
  ];
}

function show(raw: unknown): string {
  const text = JSON.stringify(raw) ?? String(raw);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
