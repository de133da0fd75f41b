import { CodedError } from '../../core/errors.ts';
import { scenarioNames, simulate } from '../../pacing/sim/simulate.ts';
import { parseArguments } from '../arguments.ts';

const HELP = `Usage: evenkeel simulate [--scenario=NAME] [--seed=1] [--auctions=N] [--budget-divisor=16]
       [--delay=SECONDS] [--loss=SHARE] [--first-price] [--mode=standard|strict] [--html=FILE]

Plays a day of a market against the pacer and the published methods, and prints what each delivered; --html writes the
curves too. The same seed gives the same day. Scenarios:
${scenarioNames.join(', ')}.`;

/** `evenkeel simulate`: a day of a market against the pacer; the same seed gives the same day. */
export async function simulateCommand(args: readonly string[]): Promise<number> {
  const { flags } = parseArguments(args, new Set(['first-price', 'help']));
  if ('help' in flags) {
    console.log(HELP);
    return 0;
  }
  const { scenario, mode, html } = flags;
  return simulate({
    onProgress: drawBar,
    ...(scenario === undefined ? {} : { scenario }),
    ...(html === undefined ? {} : { html }),
    ...(mode === 'strict' || mode === 'standard' ? { mode } : {}),
    ...('first-price' in flags ? { firstPrice: true } : {}),
    ...number(flags, 'seed', 'seed'),
    ...number(flags, 'auctions', 'auctions'),
    ...number(flags, 'budget-divisor', 'budgetDivisor'),
    ...number(flags, 'delay', 'delaySeconds'),
    ...number(flags, 'loss', 'noticeLoss'),
    write: (text) => {
      eraseBar();
      process.stdout.write(text);
    },
  });
}

const BAR_WIDTH = 30;

/** One redrawn line on a terminal; nothing where the output goes to a file. */
function drawBar(share: number, what: string): void {
  if (!process.stderr.isTTY) return;
  const done = Math.round(share * BAR_WIDTH);
  const bar = '█'.repeat(done) + '░'.repeat(BAR_WIDTH - done);
  process.stderr.write(`\r\u001b[2K${bar} ${(share * 100).toFixed(0).padStart(3)} % ${what}`);
}

function eraseBar(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K');
}

function number(flags: Readonly<Record<string, string>>, flag: string, name: string): Record<string, number> {
  const text = flags[flag];
  if (text === undefined) return {};
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value < 0) {
    throw new CodedError(
      'arguments.invalid',
      `--${flag}: "${text}" is not a number of 0 or more.`,
      'See evenkeel simulate --help.',
    );
  }
  return { [name]: value };
}
