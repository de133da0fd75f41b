import { dataSettings } from './datasettings.ts';
import { serverSettings } from './serversettings.ts';
import type { Setting } from './setting.ts';

/**
 * Every setting of the product, once: parsing, `--help`, `evenkeel config`, the start-up log and
 * docs/configuration.md are made from this table.
 */
export const settings = { ...serverSettings, ...dataSettings } as const;

export type SettingName = keyof typeof settings;
export const settingNames = Object.keys(settings) as readonly SettingName[];

type Value<S> = S extends Setting<infer T> ? T : never;
/** A checked configuration: one value per setting. */
export type Config = { readonly [Name in SettingName]: Value<(typeof settings)[Name]> };
