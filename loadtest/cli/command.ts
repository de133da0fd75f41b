import { CodedError } from '../../core/errors.ts';
import { exitCodes } from '../../core/exitcodes.ts';
import { compareMode } from './compare.ts';
import { findLimitMode } from './findlimit.ts';
import { helpText } from './help.ts';
import { parseCommandLine } from './parse.ts';
import { recordMode } from './record.ts';
import type { CommandDeps } from './rundraft.ts';
import { exitCodeOf, refuseWords, runDraft } from './rundraft.ts';
import { selfCheckMode } from './selfcheck.ts';
import { badOption } from './shapes.ts';
import { smokeMode } from './smoke.ts';
import { soakMode } from './soak.ts';
import { summaryText } from './summarytext.ts';

const BAD_OPTIONS = new Set(['loadtest_bad_option', 'loadtest_bad_gate', 'loadtest_bad_requests']);

type Mode = (args: readonly string[], deps: CommandDeps) => Promise<number>;

const modes: Readonly<Record<string, Mode>> = {
  run: runMode,
  smoke: smokeMode,
  'find-limit': findLimitMode,
  soak: soakMode,
  compare: compareMode,
  record: recordMode,
  'self-check': selfCheckMode,
};

/** `evenkeel loadtest …`: runs the mode that is named first, `run` by default. @returns the exit code */
export async function loadtestCommand(args: readonly string[], deps: CommandDeps): Promise<number> {
  if (args.includes('--help') || args.includes('-h') || args[0] === 'help') {
    deps.out.write(helpText());
    return exitCodes.ok.code;
  }
  const named = args[0] !== undefined && !args[0].startsWith('-');
  const mode = named ? modes[args[0]!] : runMode;
  try {
    if (mode === undefined)
      throw badOption(`There is no mode "${args[0]}".`, `Use one of ${Object.keys(modes).join(', ')}.`);
    return await mode(named ? args.slice(1) : args, deps);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    deps.err.write(`evenkeel loadtest: ${error.message}\n  ${error.remedy}\n`);
    return BAD_OPTIONS.has(error.code) ? exitCodes.badConfig.code : exitCodes.failed.code;
  }
}

async function runMode(args: readonly string[], deps: CommandDeps): Promise<number> {
  const { draft, words } = parseCommandLine(args, deps.apiKey);
  refuseWords(words);
  const result = await runDraft(draft, deps);
  deps.out.write(summaryText(result));
  return exitCodeOf(result);
}
