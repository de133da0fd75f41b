import { seededRandom } from '../../core/random.ts';
import type { Trial } from './arena.ts';
import { type Market, marketCost, shapeAt } from './market.ts';
import { type LogPart, regionDay, replayMarket } from './replay.ts';
import { market } from './scenarios.ts';

export interface GridCell {
  readonly divisor: number;
  readonly delaySeconds: number;
  readonly noticeLoss: number;
  readonly firstPrice: boolean;
}

/** All cells of the grid, or the few that show most. */
export function gridCells(quick: boolean): GridCell[] {
  const cells: GridCell[] = [];
  if (quick)
    return [
      { divisor: 4, delaySeconds: 10, noticeLoss: 0, firstPrice: false },
      { divisor: 16, delaySeconds: 60, noticeLoss: 0, firstPrice: true },
      { divisor: 16, delaySeconds: 300, noticeLoss: 0.01, firstPrice: false },
    ];
  for (const firstPrice of [false, true])
    for (const divisor of [2, 4, 16, 64, 256, 2048])
      for (const delaySeconds of [1, 10, 60, 300])
        for (const noticeLoss of [0, 0.01, 0.1]) cells.push({ divisor, delaySeconds, noticeLoss, firstPrice });
  return cells;
}

/** The name of a cell in tables. */
export function gridName(cell: GridCell): string {
  const loss = cell.noticeLoss === 0 ? '' : `, ${cell.noticeLoss * 100} % lost`;
  return `1/${cell.divisor}, ${cell.delaySeconds} s${loss}, ${cell.firstPrice ? 'first' : 'second'} price`;
}

/** Auctions in one half of the log: a market of `auctions` takes that share of it. */
const LOG_HALF = 40_000;

/**
 * The markets of the grid: half of the logged day where it is there, and a synthetic day always. The synthetic day has
 * the hours of a region of the avito shares (another for each seed); the forecaster knows the region's other weekdays.
 */
export function gridMarkets(dataDir: string, seed: number, auctions: number, part: LogPart = 'scored'): Market[] {
  const replay = replayMarket(
    `${dataDir}/ipinyou-2261.tsv`,
    seededRandom(seed),
    part,
    Math.min(1, auctions / LOG_HALF),
  );
  const day = regionDay(`${dataDir}/avito-traffic-share.csv`, seed, part);
  const shape = day === null ? {} : { intensity: (at: number) => shapeAt(day.today, at), knownShape: day.otherDays };
  const made = market('synthetic day', shape, auctions, seededRandom(seed));
  return replay === null ? [made] : [replay, made];
}

export function gridTrial(made: Market, cell: GridCell, seed: number): Trial {
  return {
    market: made,
    budgetNanos: Math.floor(marketCost(made) / cell.divisor),
    delayMs: cell.delaySeconds * 1000,
    noticeLoss: cell.noticeLoss,
    firstPrice: cell.firstPrice,
    seed,
  };
}
