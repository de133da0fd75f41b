import { createDelays, type Delays } from '../core/delays.ts';
import { type Allocation, createAllocation } from './allocation.ts';
import { type CohortTable, createCohortTable, dropFirst } from './cohorts.ts';
import { createTraffic, observe, observeAll, type Traffic } from './forecast.ts';
import type { LiveNode } from './leases.ts';
import {
  createLevelState,
  createLineState,
  type LevelState,
  type LineState,
  refreshCells,
  trackPlans,
} from './levelstate.ts';
import { createRemembering, type Remembering } from './memory.ts';
import { createTree, type Level, type Line, type Tree } from './tree.ts';
import { createWeekProfile, type WeekProfile } from './weekprofile.ts';

export interface PacerCoreOptions {
  /** How often `round` is called. */
  readonly roundMs: number;
  /** Span of one auction-time cohort; a multiple of 10,000. */
  readonly cohortMs: number;
  readonly leaseMs: number;
  readonly skewMs: number;
  /** How long after its last window a bidder that is gone may still be billed; infinite in strict mode. */
  readonly resolveAfterMs: number;
  /** Without a report for this long a bidder counts as gone. */
  readonly nodeTimeoutMs: number;
  /** Feedback delay assumed until it is learned. */
  readonly settleMs: number;
  /** The longest that is waited for feedback before a cohort is judged. */
  readonly maxSettleMs: number;
  /** How far behind the store may be when it answers. */
  readonly storeLagMs: number;
  /** Relative traffic of the 96 quarter-hours of a UTC day; flat when not given. */
  readonly dayShape?: readonly number[];
}

export const pacerDefaults: PacerCoreOptions = {
  roundMs: 1000,
  cohortMs: 60_000,
  leaseMs: 30_000,
  skewMs: 2000,
  resolveAfterMs: 3_600_000,
  nodeTimeoutMs: 10_000,
  settleMs: 600_000,
  maxSettleMs: 1_800_000,
  storeLagMs: 60_000,
};

export interface Owner {
  sequence: number;
  readonly cells: Set<string>;
  lines: LineState[];
  /** Levels whose grants its message carries. */
  levels: LevelState[];
  /** A level of its line items was decided anew. */
  check: boolean;
  /** A message is due. */
  dirty: boolean;
  /** Something small is to be told that can wait for other things. */
  waits: boolean;
  publishedMs: number;
  /** When a message carried the status last. */
  toldMs: number;
  /**
   * Our first message has come back from the topic. Until then nothing new is handed out: messages of an earlier pacer
   * may still stand before it, and bidders obey those too.
   */
  acknowledged: boolean;
}

export interface NodeState {
  seenMs: number;
  final: boolean;
  /** Nanos bid per millisecond, smoothed. */
  flow: number;
}

interface OpenCohort {
  requests: number;
  readonly matched: Map<number, number>;
}

interface Closing {
  readonly fromMs: number;
  readonly toMs: number;
  readonly outage: boolean;
  readonly matched: ReadonlyMap<LevelState, number>;
  readonly levels: Iterator<LevelState>;
}

/** Everything the pacer knows. Owned by one core. */
export interface PacerState {
  readonly options: PacerCoreOptions;
  readonly allocation: Allocation;
  readonly tree: Tree;
  readonly profile: WeekProfile;
  readonly all: Traffic;
  readonly delays: Delays;
  readonly levels: Map<string, LevelState>;
  readonly cohorts: CohortTable;
  readonly lines: Map<number, LineState>;
  /** States of line items without a budget of their own, for their status only. */
  readonly unpaced: Map<string, LevelState>;
  readonly byLine: Map<number, Line>;
  readonly owners: Map<string, Owner>;
  readonly nodes: Map<string, NodeState>;
  /** Requests and matches of cohorts not yet closed. */
  readonly open: Map<number, OpenCohort>;
  /** Bills known of each recent cohort. */
  readonly billed: Map<number, number>;
  /** When the store was read first, read last, and last had more bills than before. */
  firstReadMs: number;
  readMs: number;
  storedMs: number;
  /** When a bidder last confirmed more spend than before. */
  confirmedMs: number;
  /** When the first auction ran of which a bill is known. */
  firstBillMs: number;
  closedToMs: number;
  /** From when on bidders have told their traffic. */
  heardFromMs: number;
  /** The cohort that is being taken into the levels' forecasts. */
  closing: Closing | null;
  readonly remembering: Remembering;
  /** When a flight begins or ends next. */
  flightsMs: number;
  /** An account was decided anew: all its campaigns follow. */
  checkAll: boolean;
  treeChanged: boolean;
  lastRoundMs: number;
  epoch: number;
  storeDown: boolean;
}

export function createPacerState(options: PacerCoreOptions): PacerState {
  return {
    options,
    allocation: createAllocation(options),
    tree: createTree(),
    profile: createWeekProfile(options.dayShape),
    all: createTraffic(),
    delays: createDelays(options.settleMs),
    levels: new Map(),
    cohorts: createCohortTable(),
    lines: new Map(),
    unpaced: new Map(),
    byLine: new Map(),
    owners: new Map(),
    nodes: new Map(),
    open: new Map(),
    billed: new Map(),
    firstReadMs: Number.POSITIVE_INFINITY,
    readMs: 0,
    storedMs: 0,
    confirmedMs: 0,
    firstBillMs: Number.POSITIVE_INFINITY,
    closedToMs: 0,
    heardFromMs: Number.POSITIVE_INFINITY,
    closing: null,
    remembering: createRemembering(),
    flightsMs: 0,
    checkAll: true,
    treeChanged: true,
    lastRoundMs: 0,
    epoch: 1,
    storeDown: false,
  };
}

function lineStateOf(pacer: PacerState, line: Line): LineState {
  let found = pacer.lines.get(line.item.id);
  if (found === undefined) {
    found = createLineState(line);
    pacer.lines.set(line.item.id, found);
  }
  found.level = line.level;
  return found;
}

export function ownerOf(pacer: PacerState, key: string): Owner {
  let found = pacer.owners.get(key);
  if (found === undefined) {
    found = {
      sequence: 0,
      cells: new Set(),
      lines: [],
      levels: [],
      check: true,
      dirty: true,
      waits: false,
      publishedMs: 0,
      toldMs: 0,
      acknowledged: false,
    };
    pacer.owners.set(key, found);
  }
  return found;
}

function levelStateOf(pacer: PacerState, level: Level): LevelState {
  let found = pacer.levels.get(level.key);
  if (found === undefined) {
    found = createLevelState(level, pacer.cohorts);
    pacer.levels.set(level.key, found);
  } else if (found.level !== level) {
    found.level = level;
    found.cellsUntilMs = 0;
  }
  return found;
}

/** Brings levels and owners in line with the entities after one has changed. */
export function rebuild(pacer: PacerState): void {
  const { levels, lines, byLine, owners, tree } = pacer;
  pacer.treeChanged = false;
  pacer.flightsMs = 0;
  byLine.clear();
  const before = new Map<Owner, string>();
  for (const owner of owners.values()) {
    before.set(owner, owner.lines.map(({ id }) => id).join());
    owner.lines = [];
    owner.levels = [];
  }
  const live = new Set<string>();
  for (const state of levels.values()) {
    state.lines = 0;
    state.maxBidNanos = 0;
  }
  for (const line of tree.lines()) {
    byLine.set(line.item.id, line);
    const owner = ownerOf(pacer, `campaign:${line.item.campaignId}`);
    const path = line.budgets.map((level) => levelStateOf(pacer, level));
    for (const state of path) {
      live.add(state.level.key);
      state.lines++;
      state.maxBidNanos = Math.max(state.maxBidNanos, line.maxBidNanos);
    }
    const told = lineStateOf(pacer, line);
    owner.lines.push(told);
    if (path.length !== told.path.length || path.some((state, at) => state !== told.path[at])) told.toldVersion = -1;
    told.path = path;
    told.cellsVersion = -1;
  }
  for (const [key, state] of levels)
    if (live.has(key)) ownerOf(pacer, state.ownerKey).levels.push(state);
    else closeLevel(pacer, state);
  // One entity changed: only those are told anew for whom something is different.
  for (const owner of owners.values())
    if (before.get(owner) !== owner.lines.map(({ id }) => id).join()) owner.dirty = true;
  pacer.unpaced.clear();
  for (const id of lines.keys()) if (!byLine.has(id)) lines.delete(id);
}

/** A level that lost its budgets or its line items: what is out there is called back. */
function closeLevel(pacer: PacerState, state: LevelState): void {
  for (const cell of state.cells) {
    pacer.allocation.setBudget(cell.name, 0n);
    for (const node of pacer.allocation.nodesOf(cell.name))
      pacer.allocation.grant(cell.name, node, pacer.allocation.used(cell.name, node), 0, 0);
  }
  ownerOf(pacer, state.ownerKey).dirty = true;
  const { pending } = state.evidence;
  while (pending.size > 0) dropFirst(pending);
  pacer.levels.delete(state.level.key);
  pacer.remembering.gone.add(state.level.key);
}

/** Brings cells, budgets and plans of all levels up to date with the clock and the entities. */
export function refresh(pacer: PacerState, nowMs: number): void {
  const { levels, byLine, tree, allocation } = pacer;
  if (nowMs >= pacer.flightsMs) {
    pacer.flightsMs = tree.nextFlightMs(nowMs);
    pacer.checkAll = true;
    for (const state of levels.values()) {
      state.active = false;
      state.touched = true;
    }
    for (const line of byLine.values()) {
      const told = lineStateOf(pacer, line);
      told.blocked = tree.blocked(line, nowMs);
      if (told.blocked === null) for (const state of told.path) state.active = true;
    }
  }
  for (const state of levels.values()) {
    const before = state.cells;
    if (!refreshCells(state, nowMs)) continue;
    const owner = ownerOf(pacer, state.ownerKey);
    for (const cell of state.cells) {
      allocation.setBudget(cell.name, cell.budgetNanos);
      if (owner.cells.has(cell.name)) continue;
      owner.cells.add(cell.name);
      owner.dirty = true;
    }
    for (const old of before) {
      if (state.cells.some((cell) => cell.name === old.name)) continue;
      // Yesterday's cell gets no grants any more; a cell whose budget was taken away stops at once.
      owner.cells.delete(old.name);
      if (nowMs >= old.toMs) allocation.forget(old.name);
      else allocation.setBudget(old.name, 0n);
      owner.dirty = true;
    }
    trackPlans(state, nowMs, (cell) => Number(allocation.totals(cell).confirmedNanos));
    state.controlledMs = 0;
    state.touched = true;
  }
}

/** Closes the cohorts that are over: their traffic goes into the forecast. */
export function closeCohorts(pacer: PacerState, nowMs: number): void {
  const { open, levels, lines } = pacer;
  const { cohortMs, roundMs } = pacer.options;
  const to = Math.floor(Math.min(nowMs - 2 * roundMs, reportedMs(pacer, nowMs)) / cohortMs) * cohortMs;
  // Nothing is known of the time before the first report, and of the time in which the pacer stood still.
  if (pacer.closedToMs === 0) {
    if (pacer.heardFromMs >= to) return;
    pacer.closedToMs = pacer.heardFromMs;
  }
  if (to - pacer.closedToMs > Math.max(MAX_GAP_MS, 2 * pacer.options.nodeTimeoutMs)) pacer.closedToMs = to - cohortMs;
  while (pacer.closedToMs < to) {
    const fromMs = pacer.closedToMs;
    const startMs = Math.floor(fromMs / cohortMs) * cohortMs;
    const toMs = startMs + cohortMs;
    const counts = open.get(startMs);
    open.delete(startMs);
    const outage = observeAll(pacer.profile, pacer.all, fromMs, toMs, counts?.requests ?? 0);
    const matched = new Map<LevelState, number>();
    for (const [id, count] of counts?.matched ?? [])
      for (const state of lines.get(id)?.path ?? []) matched.set(state, (matched.get(state) ?? 0) + count);
    closeLevels(pacer, levels.size);
    pacer.closing = { fromMs, toMs, outage, matched, levels: levels.values() };
    pacer.closedToMs = toMs;
  }
  // Over some rounds, so that no round pays for all levels.
  closeLevels(pacer, Math.ceil((CLOSING_SPEED * levels.size * roundMs) / cohortMs));
  for (const startMs of open.keys()) if (startMs < to) open.delete(startMs);
}
const MAX_GAP_MS = 900_000;

/** Up to when every bidder that still reports has told its traffic: what comes after is not known yet, however late. */
function reportedMs(pacer: PacerState, nowMs: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (const node of pacer.nodes.values()) if (isLive(pacer, node, nowMs)) least = Math.min(least, node.seenMs);
  return least;
}

/** All levels have taken in a cohort after the time of one divided by this. */
const CLOSING_SPEED = 3;

/** Takes the cohort that was closed last into the forecasts of so many more levels. */
function closeLevels(pacer: PacerState, count: number): void {
  const { closing } = pacer;
  if (closing === null) return;
  const { fromMs, toMs, outage, matched } = closing;
  for (let left = count; left > 0; left--) {
    const { value: state, done } = closing.levels.next();
    if (done === true) {
      pacer.closing = null;
      return;
    }
    const seen = matched.get(state) ?? 0;
    if (state.active || seen > 0) observe(pacer.profile, state.traffic, fromMs, toMs, seen, outage);
  }
}

/** Bidders that report; the others are resolved, as far as it is proven what they spent. */
export function liveNodes(pacer: PacerState, nowMs: number): LiveNode[] {
  const { nodes, allocation, options } = pacer;
  const live: [string, NodeState][] = [];
  let flow = 0;
  for (const [node, state] of nodes) {
    if (isLive(pacer, state, nowMs)) {
      live.push([node, state]);
      flow += state.flow;
      continue;
    }
    allocation.resolve(node, nowMs);
    if (nowMs - state.seenMs > FORGET_NODE_MS + options.nodeTimeoutMs && !allocation.holds(node)) nodes.delete(node);
  }
  // Half evenly, half by recent bids: a new bidder gets something to start with.
  return live.map(([node, state]) => ({
    node,
    share: flow <= 0 ? 1 / live.length : 0.5 / live.length + (0.5 * state.flow) / flow,
  }));
}
const FORGET_NODE_MS = 600_000;

export function isLive(pacer: PacerState, node: NodeState, nowMs: number): boolean {
  return !node.final && nowMs - node.seenMs <= pacer.options.nodeTimeoutMs;
}
