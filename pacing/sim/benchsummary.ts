import { type Bar, bars, judge } from './bars.ts';
import type { BenchResult } from './bench.ts';
import type { CellScore, CellScores } from './benchtables.ts';
import type { RoundCost } from './manylines.ts';

/** Bars that say something by group: the others hold everywhere or nowhere. */
const SHOWN = ['2', '3', '4', '4b', '5', '5b'];
/** Of those, the ones whose missed cells are listed by group. */
const LISTED = ['2', '3', '4', '5b'];

/**
 * The tables of docs/pacing.md, made from the scores alone: the grid by budget and delay, every scenario, lost notices,
 * the bars, and where each of them is missed by how much.
 */
export function summary({ cells, round }: Pick<BenchResult, 'cells' | 'round'>): string {
  const grid = cells.filter((one) => one.cell !== null);
  const scenarios = cells.filter((one) => one.cell === null);
  const byBudget = groups(grid, ({ cell }) => `1/${cell?.divisor}, ${cell?.delaySeconds} s`);
  const lines = [
    ...gridTable(byBudget),
    '',
    ...scenarioTable(scenarios),
    '',
    ...lossTable(groups(grid, ({ cell }) => `${(cell?.noticeLoss ?? 0) * 100} %`)),
    '',
    ...judge(cells, round).map(
      ({ bar, held, misses }) =>
        `${misses.length === 0 ? 'held  ' : 'MISSED'} ${bar} (${held} of ${held + misses.length})`,
    ),
    '',
    `${round.lineItems} line items, ms of CPU a round: ${roundText(round)}`,
    '',
    ...LISTED.map((id) => missList(id, byBudget, scenarios)),
  ];
  return lines.join('\n');
}

type Groups = ReadonlyMap<string, readonly CellScores[]>;

function groups(cells: readonly CellScores[], keyOf: (cell: CellScores) => string): Groups {
  const found = new Map<string, CellScores[]>();
  for (const one of cells) {
    const group = found.get(keyOf(one));
    if (group === undefined) found.set(keyOf(one), [one]);
    else group.push(one);
  }
  return found;
}

/** Averages over markets, prices and lost notices; of each bar, how many of the cells hold it. */
function gridTable(byBudget: Groups): string[] {
  if (byBudget.size === 0) return [];
  const head = ['budget, delay', 'cells', 'used', 'value', 'best: value', 'over %', 'KS − forec.', "hindsight's"];
  const lines = [row([...head, ...SHOWN.map((id) => `bar ${id}`)])];
  for (const [key, group] of byBudget) {
    const mean = (pick: (one: CellScores) => number): number => average(group.map(pick));
    lines.push(
      row([
        key,
        String(group.length),
        mean((one) => own(one).utilisation).toFixed(3),
        mean((one) => own(one).valueShare).toFixed(3),
        mean((one) => bestOf(one).valueShare).toFixed(3),
        (100 * mean((one) => bestOf(one).over)).toFixed(2),
        mean((one) => own(one).ks - one.forecastKs).toFixed(3),
        mean((one) => one.hindsightKs).toFixed(3),
        ...SHOWN.map((id) => heldOf(id, group)),
      ]),
    );
  }
  return lines;
}

function scenarioTable(scenarios: readonly CellScores[]): string[] {
  if (scenarios.length === 0) return [];
  const head = ['scenario', 'used', 'value', 'KS', 'forecast KS', 'over %', 'strict used', 'wins'];
  const lines = [`${row(head)}  best published: value, over %`];
  for (const one of scenarios) {
    const { utilisation, valueShare, ks, over, wins } = own(one);
    const best = bestOf(one);
    const cells = [
      one.name,
      utilisation.toFixed(3),
      valueShare.toFixed(3),
      ks.toFixed(3),
      one.forecastKs.toFixed(3),
      (over * 100).toFixed(2),
      one.scores[1]!.utilisation.toFixed(3),
      wins.toFixed(0),
    ];
    lines.push(`${row(cells)}  ${best.method}: ${best.valueShare.toFixed(3)}, ${(best.over * 100).toFixed(2)}`);
  }
  return lines;
}

function lossTable(byLoss: Groups): string[] {
  if (byLoss.size === 0) return [];
  const lines = [row(['lost notices', 'cells', 'over %', 'worst', 'best: over', 'bar 5', 'bar 5b'])];
  for (const [key, group] of byLoss)
    lines.push(
      row([
        key,
        String(group.length),
        (100 * average(group.map((one) => own(one).over))).toFixed(2),
        (100 * Math.max(...group.map((one) => own(one).overMax))).toFixed(2),
        (100 * average(group.map((one) => bestOf(one).over))).toFixed(2),
        heldOf('5', group),
        heldOf('5b', group),
      ]),
    );
  return lines;
}

/** `Bar 2: 1/2, 1 s: 3 of 12 (worst by 0.004); …; drop (by 0.012)`: which cells miss it, and by how much. */
function missList(id: string, byBudget: Groups, scenarios: readonly CellScores[]): string {
  const bar = barOf(id);
  const found: string[] = [];
  for (const [key, group] of byBudget) {
    // A cell that only over-delivers more is off by nothing.
    const offs = group.flatMap((one) => bar.miss(one)?.off ?? []).map((off) => Math.max(0, off));
    if (offs.length > 0)
      found.push(`${key}: ${offs.length} of ${group.length} (worst by ${Math.max(...offs).toFixed(3)})`);
  }
  for (const one of scenarios) {
    const miss = bar.miss(one);
    if (miss !== null) found.push(`${one.name} (by ${miss.off.toFixed(3)})`);
  }
  return `Bar ${id}: ${found.length === 0 ? 'nowhere' : found.join('; ')}`;
}

function heldOf(id: string, group: readonly CellScores[]): string {
  const bar = barOf(id);
  return String(group.filter((one) => bar.miss(one) === null).length);
}

function barOf(id: string): Bar {
  return bars.find((bar) => bar.id === id)!;
}

function own(one: CellScores): CellScore {
  return one.scores[0]!;
}

/** The published method of the highest value in a cell. */
function bestOf(one: CellScores): CellScore {
  const published = one.scores.slice(2);
  return published.reduce((most, score) => (score.valueShare > most.valueShare ? score : most), published[0]!);
}

function average(all: readonly number[]): number {
  return all.reduce((sum, one) => sum + one, 0) / all.length;
}

/** Median, 99th percentile and worst of a round's CPU. */
function roundText({ medianMs, p99Ms, worstMs }: RoundCost): string {
  const p99 = p99Ms === undefined ? '' : `p99 ${p99Ms.toFixed(1)}, `;
  return `median ${medianMs.toFixed(1)}, ${p99}worst ${worstMs.toFixed(1)}`;
}

/** One line of a table. */
export function row(cells: readonly string[]): string {
  return cells.map((cell, at) => (at === 0 ? cell.padEnd(26) : cell.padStart(12))).join('');
}
