import { CodedError } from '../core/errors.ts';

/** A command line taken apart: words, and flags without their dashes. */
export interface Arguments {
  readonly words: readonly string[];
  readonly flags: Readonly<Record<string, string>>;
}

/**
 * Reads `--name=value`, `--name value` and `--name`. A flag's value is the next word unless that starts with a dash;
 * switches (`alone`) never take one.
 * @throws CodedError `arguments.invalid`
 */
export function parseArguments(args: readonly string[], alone: ReadonlySet<string>): Arguments {
  const words: string[] = [];
  const flags: Record<string, string> = {};
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    if (!arg.startsWith('-')) {
      words.push(arg);
      continue;
    }
    const match = /^--([a-z][a-z0-9-]*)(?:=(.*))?$/s.exec(arg === '-h' ? '--help' : arg);
    if (match === null) {
      throw new CodedError('arguments.invalid', `"${arg}" is not a flag.`, 'Flags look like --name=value; see --help.');
    }
    const name = match[1] ?? '';
    if (match[2] !== undefined) flags[name] = match[2];
    else if (alone.has(name) || name.startsWith('no-') || (args[i + 1] ?? '-').startsWith('-')) flags[name] = '';
    else {
      i += 1;
      flags[name] = args[i] ?? '';
    }
  }
  return { words, flags };
}
