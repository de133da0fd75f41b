import type { ForecastMemory } from '../core/forecastmemory.ts';
import type { PacingStatus } from '../core/pacingstatus.ts';
import type { SpendRow } from '../core/spend.ts';
import type { BidStats, CampaignChange, Grant, PacingMessage } from '../core/topics.ts';
import type { Allocation, CellAmounts } from './allocation.ts';
import { type ControlInput, control, presumedAtMost } from './controller.ts';
import { fold } from './evidence.ts';
import { explain } from './explain.ts';
import { takeCohorts, takeOver, takeStats, takeTotals } from './intake.ts';
import { lease } from './leases.ts';
import { createLevelState, type LevelState, type LineState, pathVersion } from './levelstate.ts';
import { type MemoryRecord, nextMemories, recall } from './memory.ts';
import {
  closeCohorts,
  createPacerState,
  isLive,
  liveNodes,
  type Owner,
  ownerOf,
  type PacerCoreOptions,
  type PacerState,
  rebuild,
  refresh,
} from './pacerstate.ts';
import type { Level } from './tree.ts';

/** The pacer without its wires: the live loop and the simulator drive the same one. Not thread-safe, never waits. */
export interface PacerCore {
  change(change: CampaignChange): void;
  removed(key: string): void;
  stats(stats: BidStats): void;
  /** Spend by cohort for bids made in [fromMs, toMs): replaces what was known of that range. */
  cohorts(rows: readonly SpendRow[], fromMs: number, toMs: number, nowMs: number): void;
  /** Cumulative spend of cells by node; buckets must not cross a local midnight. `fromMs` 0 means since ever. */
  totals(rows: readonly SpendRow[], fromMs: number, nowMs: number): void;
  /** Takes over from an earlier pacer: feed it its last messages, before the first round. */
  restore(message: PacingMessage): void;
  /** Takes up what an earlier pacer had learned of traffic, before the first round. @returns whether it is of use here */
  recall(memory: ForecastMemory): boolean;
  /** Forecasts to be kept for the next pacer, at most `most`; with `now` those of all levels begin, else when due. */
  memories(nowMs: number, most: number, now?: boolean): MemoryRecord[];
  /** Begins an epoch of our own, after everything was restored: later than any seen, and `atLeast`. */
  begin(atLeast: number): void;
  /** Decides, and returns the messages of owners for which something changed. */
  round(nowMs: number): PacingMessage[];
  /** Our message of this owner and epoch has been read back from the topic. @returns whether it was the first */
  acknowledge(owner: string, epoch: number): boolean;
  /** The store does not answer: cohorts are inferred from bidders' reports until it does. */
  storeIsDown(): void;
  status(nowMs: number): PacingStatus[];
  readonly allocation: Allocation;
  levelOf(key: string): LevelState | undefined;
  readonly epoch: number;
}

/** @see PacerCore */
export function createPacerCore(options: PacerCoreOptions): PacerCore {
  const pacer = createPacerState(options);
  return {
    allocation: pacer.allocation,
    get epoch() {
      return pacer.epoch;
    },
    levelOf: (key) => pacer.levels.get(key),
    change(change) {
      pacer.tree.apply(change);
      pacer.treeChanged = true;
    },
    removed(key) {
      pacer.tree.remove(key);
      pacer.treeChanged = true;
    },
    stats: (stats) => takeStats(pacer, stats),
    cohorts: (rows, fromMs, toMs, nowMs) => takeCohorts(pacer, rows, fromMs, toMs, nowMs),
    totals: (rows, fromMs, nowMs) => takeTotals(pacer, rows, fromMs, nowMs),
    restore: (message) => takeOver(pacer, message),
    recall(memory) {
      if (pacer.treeChanged) rebuild(pacer);
      return recall(pacer, memory);
    },
    memories: (nowMs, most, now) => nextMemories(pacer, nowMs, most, now),
    begin(atLeast) {
      pacer.epoch = Math.max(pacer.epoch, atLeast);
    },
    acknowledge(owner, epoch) {
      const found = ownerOf(pacer, owner);
      const first = epoch === pacer.epoch && !found.acknowledged;
      if (first) found.acknowledged = true;
      return first;
    },
    storeIsDown() {
      pacer.storeDown = true;
    },
    round: (nowMs) => round(pacer, nowMs),
    status: (nowMs) => [...pacer.owners].flatMap(([key, owner]) => statusOf(pacer, key, owner, nowMs)),
  };
}

function round(pacer: PacerState, nowMs: number): PacingMessage[] {
  const { options, allocation, delays, profile } = pacer;
  pacer.lastRoundMs = nowMs;
  if (pacer.treeChanged) rebuild(pacer);
  refresh(pacer, nowMs);
  closeCohorts(pacer, nowMs);
  const { cohortMs } = options;
  const settleMs = Math.min(delays.ageOf(SETTLED_SHARE), options.maxSettleMs);
  const input = {
    nowMs,
    completeMs: Math.min(storeTimeMs(pacer, nowMs) - settleMs, pacer.closedToMs),
    profile,
    cohortMs,
    roundMs: options.roundMs,
    settleMs,
    amountsOf: allocation.amounts,
    strict: options.resolveAfterMs === Number.POSITIVE_INFINITY,
  };
  const live = liveNodes(pacer, nowMs);
  const { roundMs, leaseMs } = options;
  const due = { roundMs, leaseMs, renewMs: leaseMs * RENEWAL };
  const early = { roundMs, leaseMs, renewMs: leaseMs * EARLY_RENEWAL };
  for (const state of pacer.levels.values()) {
    if (!state.touched && nowMs < state.nextMs) continue;
    state.owner ??= ownerOf(pacer, state.ownerKey);
    const { owner } = state;
    if (decideLevel(state, input)) {
      if (state.level.kind === 'account') pacer.checkAll = true;
      else owner.check = true;
    }
    state.touched = false;
    state.nextMs = Math.min(state.controlledMs + cohortMs / DECISIONS, nowMs + options.leaseMs / 4);
    if (!owner.acknowledged) {
      state.touched = true;
      continue;
    }
    for (const cell of state.cells) if (lease(allocation, state, cell, live, nowMs, due)) owner.dirty = true;
  }
  const messages: PacingMessage[] = [];
  for (const [key, owner] of pacer.owners) {
    if (owner.check || owner.dirty || pacer.checkAll) {
      owner.check = false;
      for (const told of owner.lines) {
        decideLine(told);
        if (!isNews(told, NEWS, NEWS_OF_PASS)) continue;
        if (isNews(told, URGENT, URGENT)) owner.dirty = true;
        else owner.waits = true;
        // It stopped or started: people want to know why at once.
        if ((told.pass === 0) !== (told.toldPass === 0)) owner.toldMs = 0;
      }
    }
    // Levels are decided at different times: what is small is told together, as often as each of them is decided.
    if (owner.waits && nowMs - owner.publishedMs >= cohortMs / DECISIONS) owner.dirty = true;
    if (!owner.dirty && nowMs - owner.publishedMs <= REPEAT_ROUNDS * roundMs) continue;
    // A message carries all grants of its owner: when one goes out anyway, all are renewed a little early.
    if (owner.acknowledged)
      for (const state of owner.levels)
        for (const cell of state.cells) lease(allocation, state, cell, live, nowMs, early);
    messages.push(messageOf(pacer, key, owner, nowMs));
  }
  pacer.checkAll = false;
  return messages;
}

/**
 * Up to when the store can be taken for complete: until now, but while bidders confirm spend and the store shows none of
 * it, only until it grew last. A store that stands still must not look like a market without wins.
 */
function storeTimeMs(pacer: PacerState, nowMs: number): number {
  const { storedMs, readMs, confirmedMs, options } = pacer;
  const behind = storedMs < readMs && confirmedMs > storedMs;
  return behind ? Math.max(storedMs, nowMs - options.maxSettleMs) : nowMs;
}

/** Learns and decides for one level, when it is due. @returns whether its multiplier, pass or state may have changed */
function decideLevel(state: LevelState, input: ControlInput): boolean {
  const { nowMs, cohortMs, completeMs } = input;
  updateFlow(state, nowMs, input.roundMs);
  fold(state.evidence, completeMs, cohortMs);
  const before = state.spent;
  state.spent = state.cells.some((cell) => isSpent(state, input.amountsOf(cell.name)));
  if (nowMs - state.controlledMs < cohortMs / DECISIONS) return state.spent !== before;
  // Spread over the rounds, so that no round has to decide for all; levels that share a message are decided together.
  state.controlledMs = state.controlledMs === 0 ? nowMs - phaseOf(state.level) * (cohortMs / DECISIONS) : nowMs;
  control(state, input);
  return true;
}

function isSpent(state: LevelState, { confirmedNanos, presumedNanos, budgetNanos }: CellAmounts): boolean {
  return confirmedNanos + presumedAtMost(state, presumedNanos) >= budgetNanos;
}

/** A number in [0, 1) that levels of one owner share, and neighbouring ones do not. */
function phaseOf({ campaignId, id }: Level): number {
  return (Math.imul(campaignId === 0 ? id : campaignId, 0x9e3779b1) >>> 0) / 2 ** 32;
}
/** A cohort is judged when this share of its feedback has usually arrived. */
const SETTLED_SHARE = 0.9;
/** How often a level is decided in the time of a cohort. */
const DECISIONS = 6;
/** Multipliers and pass probabilities this far from what was told are told, and at once. */
const NEWS = 0.005;
const NEWS_OF_PASS = 0.02;
const URGENT = 0.05;
/** A lease is renewed when this share of its time has gone. */
const RENEWAL = 0.5;
const EARLY_RENEWAL = 0.25;
/** An owner for which nothing changes is told again after so many rounds; its status goes with a message sooner. */
const REPEAT_ROUNDS = 20;
const STATUS_ROUNDS = 10;

/** The tightest level of its path decides how a line item bids. */
function decideLine(told: LineState): void {
  let multiplier = 1;
  let pass = 1;
  for (const state of told.path) {
    multiplier = Math.min(multiplier, state.multiplier);
    pass = Math.min(pass, state.spent ? 0 : state.pass);
  }
  told.multiplier = multiplier;
  told.pass = told.blocked === null ? pass : 0;
}

/** Whether it is further from what was told last than these shares of it, or stopped or started. */
function isNews(told: LineState, multiplierShare: number, passShare: number): boolean {
  return (
    told.toldVersion !== pathVersion(told) ||
    Math.abs(told.multiplier - told.toldMultiplier) > multiplierShare * told.toldMultiplier ||
    Math.abs(told.pass - told.toldPass) > passShare * told.toldPass ||
    (told.pass === 0) !== (told.toldPass === 0)
  );
}

function cellsOf(line: LineState): string[] {
  const version = pathVersion(line);
  if (line.cellsVersion !== version) {
    line.cells = line.path.flatMap((state) => state.cells.map((cell) => cell.name));
    line.cellsVersion = version;
  }
  return line.cells;
}

function messageOf(pacer: PacerState, key: string, owner: Owner, nowMs: number): PacingMessage {
  owner.dirty = false;
  owner.waits = false;
  owner.sequence++;
  owner.publishedMs = nowMs;
  const told = nowMs - owner.toldMs >= STATUS_ROUNDS * pacer.options.roundMs;
  if (told) owner.toldMs = nowMs;
  const lineItems = owner.lines.map((state) => {
    const cells = cellsOf(state);
    state.toldMultiplier = state.multiplier;
    state.toldPass = state.pass;
    state.toldVersion = state.cellsVersion;
    return {
      lineItemId: state.id,
      multiplierPpm: Math.round(state.multiplier * 1e6),
      passPpm: Math.round(state.pass * 1e6),
      cells,
    };
  });
  const grants: Grant[] = [];
  for (const cell of owner.cells) pacer.allocation.grants(cell, grants);
  return {
    v: 1,
    owner: key,
    epoch: pacer.epoch,
    sequence: owner.sequence,
    issuedMs: nowMs,
    grants,
    lineItems,
    // For people, who look less often than bidders: without it, readers keep the one before.
    ...(told ? { status: statusOf(pacer, key, owner, nowMs) } : {}),
  };
}

function statusOf(pacer: PacerState, key: string, owner: Owner, nowMs: number): PacingStatus[] {
  let nodes = 0;
  for (const node of pacer.nodes.values()) if (isLive(pacer, node, nowMs)) nodes++;
  const shared = {
    nowMs,
    allocation: pacer.allocation,
    belief: pacer.profile.belief,
    storeDown: pacer.storeDown,
    nodes,
  };
  const found: PacingStatus[] = [];
  const own = pacer.levels.get(key);
  if (own !== undefined && own.lines > 0) found.push(explain(own, null, shared));
  for (const told of owner.lines) {
    const state = pacer.levels.get(told.level.key) ?? unpaced(pacer, told.level);
    found.push(explain(state, { told, blocked: told.blocked, binding: bindingLevel(told) }, shared));
  }
  return found;
}

/** What stands for a line item without a budget of its own: nothing of it is controlled. */
function unpaced(pacer: PacerState, level: Level): LevelState {
  let found = pacer.unpaced.get(level.key);
  if (found === undefined || found.level !== level) {
    found = createLevelState(level, pacer.cohorts);
    pacer.unpaced.set(level.key, found);
  }
  return found;
}

function bindingLevel(told: LineState): LevelState | null {
  let tightest: LevelState | null = null;
  for (const state of told.path)
    if (tightest === null || state.spent || (!tightest.spent && state.multiplier < tightest.multiplier))
      tightest = state;
  return tightest;
}

/** Smooths the reservations per millisecond over some reports, which come rarer than rounds where a clock runs fast. */
function updateFlow(state: LevelState, nowMs: number, roundMs: number): void {
  if (state.flowMs === 0) state.flowMs = nowMs;
  const spanMs = nowMs - state.flowMs;
  if (spanMs <= 0) return;
  if (state.flow === 0 && state.flowNanos === 0) {
    state.flowMs = nowMs;
    return;
  }
  const keep = 2 ** (-spanMs / (FLOW_HALF_LIFE_ROUNDS * roundMs));
  state.flow = state.flow * keep + (state.flowNanos / spanMs) * (1 - keep);
  state.flowNanos = 0;
  state.flowMs = nowMs;
}
const FLOW_HALF_LIFE_ROUNDS = 10;
