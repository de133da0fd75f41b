import type { CohortTable } from './cohorts.ts';
import { createEvidence, type Evidence } from './evidence.ts';
import { createTraffic, type Traffic } from './forecast.ts';
import type { Owner } from './pacerstate.ts';
import { createRows, NOWHERE } from './rows.ts';
import { type Blocked, type Level, type Line, type OpenCell, openCells } from './tree.ts';

/** Where a plan began and how much traffic it has seen: a plan starts afresh when its budget changes or it resumes. */
export interface PlanTrack extends PlanNumbers {
  cell: OpenCell;
}

interface PlanNumbers {
  /** Confirmed when it began: what was missed before is not chased. */
  baseNanos: number;
  startMs: number;
  seen: number;
}

/** What the pacer knows about one level of the budget tree, and what it decided last. */
export interface LevelState extends LevelNumbers {
  level: Level;
  /** Whose message carries its grants. */
  readonly ownerKey: string;
  /** Looked up when first needed; owners stay. */
  owner: Owner | null;
  readonly traffic: Traffic;
  readonly evidence: Evidence;
  cells: readonly OpenCell[];
  /** Grows when `cells` changes. */
  cellsVersion: number;
  tracks: readonly PlanTrack[];
  /** What may be spent before it is too far ahead of the plan. Below 0: no new credit until the plan has caught up. */
  roomNanos: number;
  /** Nothing left to spend: bids stop. */
  spent: boolean;
  /** Multiplier learned from evidence or restored, not just assumed. */
  started: boolean;
  restored: boolean;
  lines: number;
  /** Something was heard of it since it was looked at last. */
  touched: boolean;
  active: boolean;
}

interface LevelNumbers {
  /** `cells` must be looked up again at this time. */
  cellsUntilMs: number;
  multiplier: number;
  pass: number;
  /** Spend wanted per eligible auction, nanos; Infinity without a plan. */
  rate: number;
  restAuctions: number;
  controlledMs: number;
  maxBidNanos: number;
  /** When it is looked at again even if nothing is heard. */
  nextMs: number;
  /** Reserved nanos per millisecond, smoothed. */
  flow: number;
  flowNanos: number;
  flowMs: number;
}

/** What one line item was told last, and what it did since. */
export interface LineState extends LineNumbers {
  readonly id: number;
  /** Its own. */
  level: Level;
  toldVersion: number;
  blocked: Blocked;
  /** Levels with a budget on its path, outermost first. */
  path: readonly LevelState[];
  /** Open cells of its path, as of `cellsVersion`; replaced, never changed, because messages name them. */
  cells: string[];
  cellsVersion: number;
}

interface LineNumbers {
  multiplier: number;
  pass: number;
  /** As last published. */
  toldMultiplier: number;
  toldPass: number;
}

const lineOf = createRows<keyof LineNumbers>(['multiplier', 'pass', 'toldMultiplier', 'toldPass']);

export function createLineState({ item, level }: Line): LineState {
  const line = lineOf({
    values: NOWHERE,
    at: 0,
    id: item.id,
    level,
    toldVersion: -1,
    blocked: null,
    path: [],
    cells: [],
    cellsVersion: -1,
  });
  line.toldMultiplier = -1;
  line.toldPass = -1;
  return line;
}

/** Grows when a cell on the path opens or closes. */
export function pathVersion(line: LineState): number {
  let version = 0;
  for (const level of line.path) version += level.cellsVersion;
  return version;
}

const planOf = createRows<keyof PlanNumbers>(['baseNanos', 'startMs', 'seen']);
const levelOf = createRows<keyof LevelNumbers>([
  'cellsUntilMs',
  'multiplier',
  'pass',
  'rate',
  'restAuctions',
  'controlledMs',
  'maxBidNanos',
  'nextMs',
  'flow',
  'flowNanos',
  'flowMs',
]);

/** @param cohorts where its cohorts are kept */
export function createLevelState(level: Level, cohorts: CohortTable): LevelState {
  const state = levelOf({
    values: NOWHERE,
    at: 0,
    level,
    ownerKey: level.kind === 'account' ? level.key : `campaign:${level.campaignId}`,
    owner: null,
    traffic: createTraffic(),
    evidence: createEvidence(cohorts),
    cells: [],
    cellsVersion: 0,
    tracks: [],
    roomNanos: Number.POSITIVE_INFINITY,
    spent: false,
    started: false,
    restored: false,
    lines: 0,
    touched: true,
    active: false,
  });
  state.multiplier = START_MULTIPLIER;
  state.pass = 1;
  state.rate = Number.POSITIVE_INFINITY;
  return state;
}

/** Until traffic is known: so low that hardly anything is won; what our bids would be shows at any multiplier. */
const START_MULTIPLIER = 0.02;

/** Brings the open cells up to date; a level that changed or crossed midnight gets new ones. */
export function refreshCells(state: LevelState, nowMs: number): boolean {
  if (nowMs < state.cellsUntilMs) return false;
  const cells = openCells(state.level, nowMs);
  state.cellsUntilMs = Number.POSITIVE_INFINITY;
  for (const { rolling, toMs } of cells)
    state.cellsUntilMs = Math.min(state.cellsUntilMs, rolling || toMs <= nowMs ? nowMs + 60_000 : toMs);
  const same =
    cells.length === state.cells.length &&
    cells.every((cell, at) => cell.name === state.cells[at]!.name && cell.budgetNanos === state.cells[at]!.budgetNanos);
  state.cells = cells;
  if (!same) state.cellsVersion++;
  return !same;
}

/** Starts plans for new or changed cells and forgets those of closed ones. */
export function trackPlans(state: LevelState, nowMs: number, confirmedOf: (cell: string) => number): void {
  state.tracks = state.cells.map((cell) => {
    const known = state.tracks.find((track) => track.cell.name === cell.name);
    if (known !== undefined && known.cell.budgetNanos === cell.budgetNanos) {
      known.cell = cell;
      return known;
    }
    const plan = planOf({ values: NOWHERE, at: 0, cell });
    plan.baseNanos = confirmedOf(cell.name);
    plan.startMs = Math.max(nowMs, cell.fromMs);
    return plan;
  });
}
