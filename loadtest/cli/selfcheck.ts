import { exitCodes } from '../../core/exitcodes.ts';
import { runSelfCheck } from '../selfcheck/selfcheck.ts';
import { roundText, SELF_CHECK_HEAD, selfCheckText } from '../selfcheck/selfchecktext.ts';
import { parseCommandLine } from './parse.ts';
import type { CommandDeps } from './rundraft.ts';
import { refuseWords } from './rundraft.ts';

const ROUNDS = 3;
const ROUND_MS = 5000;
const WARMUP_MS = 3000;
/** Half of what a core must be able to send. */
const RPS = 10_000;

/**
 * `loadtest self-check`: what the sender itself adds to latencies on this machine, at `--rate`, in rounds of `--for`
 * after `--warmup`. Exit code 99 when it is more than the tool promises.
 */
export async function selfCheckMode(args: readonly string[], deps: CommandDeps): Promise<number> {
  const { draft, words } = parseCommandLine(args, deps.apiKey);
  refuseWords(words);
  deps.out.write(SELF_CHECK_HEAD);
  const result = await runSelfCheck({
    ratePerSecond: draft.rate ?? RPS,
    rounds: ROUNDS,
    seconds: (draft.forMs ?? ROUND_MS) / 1000,
    warmupSeconds: (draft.warmupMs ?? WARMUP_MS) / 1000,
    signal: deps.signal,
    onRound: (round) => deps.out.write(roundText(round)),
  });
  deps.out.write(selfCheckText(result));
  return result.passed ? exitCodes.ok.code : exitCodes.slaFailed.code;
}
