import { createNodeLedger, type LedgerCounters, type NodeLedger } from '../../core/ledger.ts';
import type { Random } from '../../core/random.ts';
import type { CampaignChange, PacingMessage } from '../../core/topics.ts';
import { createPacerCore, type PacerCore } from '../pacercore.ts';
import { type PacerCoreOptions, pacerDefaults } from '../pacerstate.ts';
import { createLater } from './feedback.ts';
import type { Market } from './market.ts';
import { createSimStore } from './simstore.ts';

/** A line item as the simulated bidder values it. */
export interface SimLine {
  readonly lineItemId: number;
  readonly campaignId: number;
  readonly advertiserId: number;
  /** Bid at multiplier 1 for an auction, nanos; 0 when it does not match. */
  readonly value: (market: Market, index: number) => number;
}

/** What may go wrong or change at an instant. */
export interface Happening {
  readonly atMs: number;
  readonly what:
    | { readonly change: CampaignChange }
    | { readonly kill: number }
    | { readonly restartPacer: true }
    /** The store answers nothing until then. */
    | { readonly storeDownUntilMs: number }
    /** Notices wait until then: the log is down. */
    | { readonly logDownUntilMs: number };
}

export interface WorldOptions {
  readonly market: Market;
  readonly changes: readonly CampaignChange[];
  readonly lines: readonly SimLine[];
  /** Which of them an auction is for; all of them when not given. */
  readonly linesOf?: (index: number) => readonly SimLine[];
  readonly nodes: number;
  readonly mode: 'standard' | 'strict';
  readonly firstPrice: boolean;
  /** Mean time from an auction to its notice. */
  readonly delayMs: number;
  /** Share of notices that never arrive. */
  readonly noticeLoss: number;
  /** Share of notices that arrive twice, the second one late. */
  readonly noticeRepeat?: number;
  /** How far the store is behind the log. */
  readonly storeLagMs?: number;
  readonly random: Random;
  readonly pacer?: Partial<PacerCoreOptions>;
  readonly happenings?: readonly Happening[];
  readonly onRound?: (nowMs: number, core: PacerCore) => void;
}

export interface LineResult {
  /** What the exchange charged, whether we heard of it or not. */
  deliveredNanos: number;
  /** What was billed by a notice. */
  billedNanos: number;
  wins: number;
  clicks: number;
  value: number;
  /** Delivered by minute of the auction. */
  readonly byMinute: Float64Array;
}

export interface WorldResult {
  readonly lines: ReadonlyMap<number, LineResult>;
  readonly counters: readonly LedgerCounters[];
  readonly core: PacerCore;
  readonly rounds: number;
  readonly cpuMs: number;
  /** Sum of |Δ ln multiplier| of the first line. */
  readonly effort: number;
}

interface SimNode {
  name: string;
  ledger: NodeLedger;
  credit: bigint[];
  from: number[];
  until: number[];
  bids: number;
  stats: Map<number, { matched: number; bids: number; bidNanos: number; pacing: number; budget: number }>;
  requests: number;
  sequence: number;
  lastMs: number;
}

export interface Notice {
  readonly node: string;
  readonly bidId: string;
  readonly line: SimLine;
  readonly bidAtMs: number;
  /** null: a loss notice. */
  readonly nanos: number | null;
}

interface Pace {
  multiplier: number;
  pass: number;
  cells: readonly string[];
}

const TOKEN_MS = 2_400_000;

/** Runs the pacer and as many bidders as asked, message for message, against a market. The same seed gives the same run. */
export function runWorld(options: WorldOptions): WorldResult {
  const { market, random } = options;
  const settings = { ...pacerDefaults, ...options.pacer, dayShape: options.pacer?.dayShape ?? market.knownShape };
  let core = createPacerCore(settings);
  for (const change of options.changes) core.change(change);
  const nodes = Array.from({ length: options.nodes }, (_, at) => newNode(options, at + 1));
  const paces = new Map<number, Pace>();
  const last = new Map<string, PacingMessage>();
  const notices = createLater<Notice>(market.startMs);
  const ingest = createLater<Notice>(market.startMs);
  const store = createSimStore();
  const results = new Map(options.lines.map((line) => [line.lineItemId, newResult(market)]));
  const happenings = [...(options.happenings ?? [])].sort((a, b) => a.atMs - b.atMs);
  const changes = [...options.changes];
  const bids = { count: 0 };
  let storeDownMs = 0;
  let logDownMs = 0;
  let rounds = 0;
  let cpuMs = 0;
  let effort = 0;
  let lastLog = Number.NaN;
  let born = options.nodes;

  const deliver = (messages: readonly PacingMessage[]): void => {
    for (const message of messages) {
      last.set(message.owner, message);
      core.acknowledge(message.owner, message.epoch);
      for (const node of nodes) node.ledger.applyPacing(message);
      for (const one of message.lineItems)
        paces.set(one.lineItemId, { multiplier: one.multiplierPpm / 1e6, pass: one.passPpm / 1e6, cells: one.cells });
    }
  };

  const settle = (nowMs: number): void => {
    if (nowMs < logDownMs) return;
    for (const notice of notices.take(nowMs)) {
      const node = nodes.find((one) => one.name === notice.node);
      const outcome = notice.nanos === null ? ('released' as const) : { billedNanos: BigInt(notice.nanos) };
      node?.ledger.settle(notice.bidId, outcome);
      if (notice.nanos !== null) ingest.add(nowMs + (options.storeLagMs ?? 0), notice);
    }
    for (const notice of ingest.take(nowMs))
      if (store.add(notice)) results.get(notice.line.lineItemId)!.billedNanos += notice.nanos ?? 0;
  };

  const happen = (nowMs: number): void => {
    while (happenings.length > 0 && happenings[0]!.atMs <= nowMs) {
      const { what } = happenings.shift()!;
      if ('change' in what) {
        changes.push(what.change);
        core.change(what.change);
      } else if ('kill' in what) nodes[what.kill] = newNode(options, ++born);
      else if ('storeDownUntilMs' in what) storeDownMs = what.storeDownUntilMs;
      else if ('logDownUntilMs' in what) logDownMs = what.logDownUntilMs;
      else {
        core = createPacerCore(settings);
        for (const change of changes) core.change(change);
        for (const message of last.values()) core.restore(message);
      }
    }
  };

  const round = (nowMs: number): void => {
    happen(nowMs);
    settle(nowMs);
    const reports = nodes.map((node) => report(node, nowMs, nowMs < logDownMs));
    const startedAt = process.hrtime.bigint();
    for (const stats of reports) core.stats(stats);
    if (nowMs < storeDownMs) core.storeIsDown();
    else store.read(core, market, nowMs, settings.cohortMs, rounds * settings.roundMs);
    const messages = core.round(nowMs);
    cpuMs += Number(process.hrtime.bigint() - startedAt) / 1e6;
    deliver(messages);
    rounds++;
    const pace = paces.get(options.lines[0]!.lineItemId);
    const logM = Math.log(Math.max(1e-9, pace?.multiplier ?? 1));
    if (!Number.isNaN(lastLog)) effort += Math.abs(logM - lastLog);
    lastLog = logM;
    options.onRound?.(nowMs, core);
  };

  let nextRound = market.startMs - settings.roundMs;
  for (let i = 0; i < market.atMs.length; i++) {
    const atMs = market.atMs[i]!;
    for (; nextRound <= atMs; nextRound += settings.roundMs) round(nextRound);
    const node = nodes[i % nodes.length]!;
    auction(options, node, paces, i, atMs, (line, bidNanos) => {
      const bidId = `${node.name}${(bids.count++).toString(16).padStart(16, '0')}`;
      const slots = (paces.get(line.lineItemId)?.cells ?? []).map((cell) => node.ledger.slotOf(cell));
      node.ledger.reserved(bidId, slots, BigInt(bidNanos), atMs);
      const won = bidNanos > market.priceNanos[i]!;
      const nanos = won ? (options.firstPrice ? bidNanos : market.priceNanos[i]!) : null;
      if (won) deliverWin(results.get(line.lineItemId)!, market, i, nanos!);
      const notice = { node: node.name, bidId, line, bidAtMs: atMs, nanos };
      const delay = (): number => options.delayMs * (0.3 - 0.7 * Math.log(1 - random.next()));
      if (random.next() >= options.noticeLoss) notices.add(atMs + delay(), notice);
      if (random.next() < (options.noticeRepeat ?? 0)) notices.add(atMs + delay() * 3, notice);
    });
  }
  for (; nextRound < market.endMs; nextRound += settings.roundMs) round(nextRound);
  // Feedback still under way arrives after the end; nothing is bid any more.
  settle(market.endMs + TOKEN_MS * 4);
  settle(market.endMs + TOKEN_MS * 8);
  return { lines: results, counters: nodes.map((node) => node.ledger.counters()), core, rounds, cpuMs, effort };
}

function newResult(market: Market): LineResult {
  const minutes = Math.ceil((market.endMs - market.startMs) / 60_000);
  return { deliveredNanos: 0, billedNanos: 0, wins: 0, clicks: 0, value: 0, byMinute: new Float64Array(minutes) };
}

function deliverWin(result: LineResult, market: Market, index: number, nanos: number): void {
  result.deliveredNanos += nanos;
  result.wins++;
  result.clicks += market.click[index]!;
  result.value += market.rate[index]!;
  const minute = Math.floor((market.atMs[index]! - market.startMs) / 60_000);
  result.byMinute[minute] = result.byMinute[minute]! + nanos;
}

function newNode(options: WorldOptions, number: number): SimNode {
  const credit: bigint[] = [];
  const from: number[] = [];
  const until: number[] = [];
  const name = number.toString(16).padStart(8, '0');
  const ledger = createNodeLedger({
    node: name,
    bank: {
      add: (slot, delta) => {
        credit[slot] = (credit[slot] ?? 0n) + delta;
      },
      setWindow: (slot, fromMs, untilMs) => {
        from[slot] = fromMs;
        until[slot] = untilMs;
      },
    },
    mode: options.mode,
    releaseAfterMs: Math.max(30_000, 5 * options.delayMs),
    tokenLifetimeMs: TOKEN_MS,
    maxReservations: 200_000,
    maxCells: 100_000,
  });
  return { name, ledger, credit, from, until, bids: 0, stats: new Map(), requests: 0, sequence: 0, lastMs: 0 };
}

/** One auction at one bidder: the line item of highest value bids when pass probability and credit allow. */
function auction(
  options: WorldOptions,
  node: SimNode,
  paces: ReadonlyMap<number, Pace>,
  index: number,
  atMs: number,
  bid: (line: SimLine, nanos: number) => void,
): void {
  node.requests++;
  let best: SimLine | null = null;
  let bestNanos = 0;
  let bestSlots: number[] = [];
  for (const line of options.linesOf?.(index) ?? options.lines) {
    const value = line.value(options.market, index);
    if (value <= 0) continue;
    const stats = statsOf(node, line.lineItemId);
    stats.matched++;
    const pace = paces.get(line.lineItemId);
    if (pace === undefined || pace.pass === 0 || (pace.pass < 1 && options.random.next() >= pace.pass)) {
      stats.pacing++;
      continue;
    }
    const nanos = Math.floor(value * pace.multiplier);
    if (nanos <= bestNanos) continue;
    const slots = pace.cells.map((cell) => node.ledger.slotOf(cell));
    if (slots.length === 0 || !hasCredit(node, slots, nanos, atMs)) {
      stats.budget++;
      continue;
    }
    best = line;
    bestNanos = nanos;
    bestSlots = slots;
  }
  if (best === null) return;
  for (const slot of bestSlots) node.credit[slot] = node.credit[slot]! - BigInt(bestNanos);
  const stats = statsOf(node, best.lineItemId);
  stats.bids++;
  stats.bidNanos += bestNanos;
  bid(best, bestNanos);
}

function hasCredit(node: SimNode, slots: readonly number[], nanos: number, atMs: number): boolean {
  for (const slot of slots) {
    if (slot < 0 || atMs < (node.from[slot] ?? 0) || atMs >= (node.until[slot] ?? 0)) return false;
    if (Number(node.credit[slot] ?? 0n) < nanos) return false;
  }
  return true;
}

function statsOf(
  node: SimNode,
  id: number,
): { matched: number; bids: number; bidNanos: number; pacing: number; budget: number } {
  let found = node.stats.get(id);
  if (found === undefined) {
    found = { matched: 0, bids: 0, bidNanos: 0, pacing: 0, budget: 0 };
    node.stats.set(id, found);
  }
  return found;
}

function report(node: SimNode, nowMs: number, logDown: boolean): Parameters<PacerCore['stats']>[0] {
  if (!logDown) node.ledger.expire(nowMs);
  const lineItems = [...node.stats].map(([lineItemId, one]) => ({
    lineItemId,
    campaignId: 0,
    matched: one.matched,
    bids: one.bids,
    bidNanos: one.bidNanos,
    reasons: { pacing: one.pacing, budget: one.budget },
  }));
  const requests = node.requests;
  node.stats.clear();
  node.requests = 0;
  const fromMs = node.lastMs === 0 ? nowMs - 1000 : node.lastMs;
  node.lastMs = nowMs;
  return {
    v: 1,
    node: node.name,
    sequence: node.sequence++,
    fromMs,
    toMs: nowMs,
    requests,
    answered: 0,
    errors: 0,
    latency: null,
    noBids: {},
    lineItems,
    cells: [...node.ledger.dueUses(nowMs)],
    final: false,
  };
}
