import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { settingNames, settings } from '../config/table.ts';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export const read = (path: string): string => readFileSync(join(root, path), 'utf8');
export const readYaml = (path: string): unknown => parse(read(path), { merge: true });
export const readYamlDocuments = (path: string): unknown[] =>
  parseAllDocuments(read(path)).map((document) => document.toJS() as unknown);

/** Environment variables our own processes understand. */
export const knownVariables: ReadonlySet<string> = new Set([
  ...settingNames.map((name) => settings[name].env),
  'NODE_ENV',
]);
export const secretVariables: ReadonlySet<string> = new Set(
  settingNames.filter((name) => (settings[name] as { secret?: boolean }).secret).map((name) => settings[name].env),
);

/** A tag that says at least MAJOR.MINOR: what is deployed must not change by itself. */
export const PINNED = /^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?$/;
