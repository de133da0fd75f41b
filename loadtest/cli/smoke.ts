import { parseGate } from '../gate/gate.ts';
import { parseCommandLine } from './parse.ts';
import type { CommandDeps } from './rundraft.ts';
import { exitCodeOf, refuseWords, runDraft } from './rundraft.ts';
import { summaryText } from './summarytext.ts';

const SMOKE_RPS = 200;
const SMOKE_MS = 30_000;
const SMOKE_GATES = ['errors<0.1%', 'on_time>99%', 'dropped<0.1%'];

/** `loadtest smoke`: half a minute at a low rate with lenient gates; every option can be overridden. */
export async function smokeMode(args: readonly string[], deps: CommandDeps): Promise<number> {
  const { draft, words } = parseCommandLine(args, deps.apiKey);
  refuseWords(words);
  if (draft.stages.length === 0) {
    draft.rate ??= SMOKE_RPS;
    draft.forMs ??= SMOKE_MS;
  }
  if (draft.gates.length === 0) draft.gates.push(...SMOKE_GATES.map(parseGate));
  const result = await runDraft(draft, deps);
  deps.out.write(summaryText(result));
  return exitCodeOf(result);
}
