import { exitCodes } from '../../core/exitcodes.ts';
import { describeConfig, settingsMarkdown } from '../config/describe.ts';
import { createContext } from '../context.ts';

/** `evenkeel config check|show|docs`. */
export async function configCommand(args: readonly string[]): Promise<number> {
  const [what = 'show', ...rest] = args[0]?.startsWith('-') ? ['show', ...args] : args;
  if (what === 'docs') {
    process.stdout.write(settingsMarkdown());
    return exitCodes.ok.code;
  }
  if (what !== 'check' && what !== 'show') {
    console.error('evenkeel: usage: evenkeel config check|show|docs');
    return exitCodes.usage.code;
  }
  const { loaded, configFile } = createContext('config', rest, []);
  console.log(
    what === 'show' ? describeConfig(loaded) : `ok: ${configFile ?? 'no file'}, environment and flags are usable`,
  );
  return exitCodes.ok.code;
}
