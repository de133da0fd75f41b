import { readFileSync } from 'node:fs';
import { messageOf } from '../../core/errors.ts';
import { exitCodes } from '../../core/exitcodes.ts';
import type { Comparison } from '../report/compare.ts';
import { comparedMetrics, compareRuns } from '../report/compare.ts';
import type { LoadtestResult } from '../run/result.ts';
import { ms } from './progress.ts';
import type { CommandDeps } from './rundraft.ts';
import { badOption } from './shapes.ts';

/** `loadtest compare A.json B.json` or `A1.json,A2.json B1.json,B2.json`. Exit code 99 when something got worse. */
export async function compareMode(args: readonly string[], deps: CommandDeps): Promise<number> {
  if (args.length !== 2 || args.some((arg) => arg.startsWith('-'))) {
    throw badOption(
      'compare takes two sides.',
      'Write: compare before.json after.json; several runs of a side with commas.',
    );
  }
  const [before, after] = args.map((side) => side.split(',').map(readResult)) as [LoadtestResult[], LoadtestResult[]];
  deps.out.write(comparisonText(compareRuns(before, after), before, after));
  const worse = compareRuns(before, after).some((comparison) => comparison.verdict === 'worse');
  return worse ? exitCodes.slaFailed.code : exitCodes.ok.code;
}

function readResult(path: string): LoadtestResult {
  let parsed: Partial<LoadtestResult> | null;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8')) as Partial<LoadtestResult> | null;
  } catch (error) {
    throw badOption(`${path} can not be read: ${messageOf(error)}.`, 'Give reports written with --json or --out.');
  }
  if (parsed?.v !== 1 || parsed.latency === undefined || parsed.counters === undefined) {
    throw badOption(`${path} is no report of a load test.`, 'Give reports written with --json or --out.');
  }
  return parsed as LoadtestResult;
}

function comparisonText(
  comparisons: readonly Comparison[],
  before: readonly LoadtestResult[],
  after: readonly LoadtestResult[],
): string {
  const lines = comparisons.map((comparison) => {
    const { unit } = comparedMetrics[comparison.metric];
    const ratio = comparison.ratio === null ? '–' : `×${comparison.ratio.toFixed(3)}`;
    const noise = `±${(comparison.noise * 100).toFixed(0)} %`;
    return `  ${comparison.metric.padEnd(10)}${show(comparison.before, unit).padStart(12)}${show(comparison.after, unit).padStart(12)}${ratio.padStart(9)}${noise.padStart(8)}   ${comparison.verdict}`;
  });
  return [
    `  ${''.padEnd(10)}${`before (${before.length})`.padStart(12)}${`after (${after.length})`.padStart(12)}${'ratio'.padStart(9)}${'noise'.padStart(8)}   verdict`,
    ...lines,
    ...cautions(before, after).map((text) => `  ! ${text}`),
    '',
  ].join('\n');
}

function show(value: number, unit: string): string {
  if (unit === 'ms') return ms(value);
  return unit === 'share' ? `${(value * 100).toFixed(3)} %` : value.toFixed(0);
}

function cautions(before: readonly LoadtestResult[], after: readonly LoadtestResult[]): string[] {
  const found: string[] = [];
  const all = [...before, ...after];
  if (before.length < 2 || after.length < 2) {
    found.push(
      'One run of a side can not tell a change from noise: 10 % is assumed. Take three or more of each, in turn.',
    );
  }
  const shape = (result: LoadtestResult): string =>
    JSON.stringify([result.options.stages, result.options.mix, result.options.market, result.loop], (key, value) =>
      key === 'scope' ? undefined : value,
    );
  if (new Set(all.map(shape)).size > 1)
    found.push('The runs differ in rate, traffic or market: not a fair comparison.');
  const machine = ({ environment }: LoadtestResult): string =>
    `${environment.cpuModel} ${environment.cpus} ${environment.node}`;
  if (new Set(all.map(machine)).size > 1) found.push('The runs are from different machines or versions of Node.');
  if (all.some((result) => result.sender.warnings.length > 0))
    found.push('In some runs the sender may have been the limit.');
  return found;
}
