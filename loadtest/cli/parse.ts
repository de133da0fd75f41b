import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { CodedError, messageOf } from '../../core/errors.ts';
import type { Draft } from './draft.ts';
import { newDraft } from './draft.ts';
import type { Option } from './optiontable.ts';
import { options } from './optiontable.ts';
import { badOption } from './shapes.ts';

/** Options and words of a command line, not yet applied. */
interface Given {
  readonly pairs: readonly (readonly [name: string, value: string])[];
  readonly words: readonly string[];
}

/**
 * Reads a command line: `--name value`, `--name=value`, and options from the file that `--config` names, over which
 * the command line wins. Every problem is listed, not only the first.
 * @throws CodedError `loadtest_bad_option`
 */
export function parseCommandLine(
  args: readonly string[],
  apiKey: string,
): { readonly draft: Draft; readonly words: readonly string[] } {
  const problems: string[] = [];
  const given = split(args, problems);
  const draft = newDraft(apiKey);
  const configPath = given.pairs.findLast(([name]) => name === 'config')?.[1] ?? '';
  if (configPath !== '') {
    const onLine = new Set(given.pairs.map(([name]) => name));
    const fromFile = collect(problems, () => readConfig(configPath)) ?? [];
    apply(
      draft,
      fromFile.filter(([name]) => !onLine.has(name) || options[name]?.repeat === true),
      problems,
      configPath,
    );
  }
  apply(draft, given.pairs, problems, '');
  if (problems.length > 0) throw badOption(problems.join('\n  '), 'See `evenkeel loadtest --help`.');
  return { draft, words: given.words };
}

function split(args: readonly string[], problems: string[]): Given {
  const pairs: (readonly [string, string])[] = [];
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const match = /^--([a-z][a-z-]*)(?:=(.*))?$/s.exec(arg);
    if (match === null) {
      if (arg.startsWith('-')) problems.push(`"${arg}" is not an option.`);
      else words.push(arg);
      continue;
    }
    const name = match[1]!;
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) {
      problems.push(`There is no option --${name}.${suggestion(name)}`);
      if (match[2] === undefined && args[i + 1]?.startsWith('-') === false) i += 1;
    } else if (option.value === '') {
      if (match[2] !== undefined) problems.push(`--${name} is a switch and takes no value.`);
      pairs.push([name, '']);
    } else {
      const value = match[2] ?? args[i + 1];
      if (match[2] === undefined) i += 1;
      if (value === undefined || (match[2] === undefined && value.startsWith('--')))
        problems.push(`--${name} needs a value: ${option.value}.`);
      else pairs.push([name, value]);
    }
  }
  return { pairs, words };
}

/** The option somebody may have meant: one that begins or ends alike. */
function suggestion(name: string): string {
  const close = Object.keys(options).find((known) => known.startsWith(name.slice(0, 4)) || known.endsWith(name));
  return close === undefined ? '' : ` Did you mean --${close}?`;
}

function apply(draft: Draft, pairs: Given['pairs'], problems: string[], source: string): void {
  for (const [name, value] of pairs) {
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    const where = source === '' ? '' : ` (in ${source})`;
    if (option === undefined) problems.push(`There is no option "${name}"${where}.`);
    else collect(problems, () => option.apply(draft, value), where);
  }
}

function collect<T>(problems: string[], run: () => T, where = ''): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    problems.push(`${error.message} ${error.remedy}${where}`);
    return undefined;
  }
}

/** `rate: 2000`, `audit: true`, `slo: [p99<30ms, errors<0.1%]`: option names and values, lists for repeated ones. */
function readConfig(path: string): (readonly [string, string])[] {
  let parsed: unknown;
  try {
    const text = readFileSync(path, 'utf8');
    parsed = path.endsWith('.json') ? JSON.parse(text) : parseYaml(text);
  } catch (error) {
    throw badOption(`${path} can not be read: ${messageOf(error)}.`, 'Give a YAML or JSON file of options.');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw badOption(`${path} holds no options.`, 'Write one option per line, such as `rate: 2000`.');
  }
  return Object.entries(parsed).flatMap(([name, value]) => {
    const option: Option | undefined = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option?.value === '') return value === true ? [[name, ''] as const] : [];
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.map((one) => [name, String(one)] as const);
  });
}
