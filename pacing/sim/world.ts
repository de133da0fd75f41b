import type { ForecastMemory } from '../../core/forecastmemory.ts';
import type { LedgerCounters } from '../../core/ledger.ts';
import type { Random } from '../../core/random.ts';
import type { CampaignChange, PacingMessage } from '../../core/topics.ts';
import { MEMORIES_A_ROUND } from '../memory.ts';
import { createPacerCore, type PacerCore } from '../pacercore.ts';
import { type PacerCoreOptions, pacerDefaults } from '../pacerstate.ts';
import { createLater } from './feedback.ts';
import { deliverWin, type LineResult, newResult } from './lineresult.ts';
import type { Market } from './market.ts';
import { chooseLine, createSimNode, type Pace, report, type SimLine, type SimNode, TOKEN_MS } from './simnode.ts';
import { createSimStore } from './simstore.ts';

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
  /** Bidders report every so many rounds; 1 by default. */
  readonly roundsPerReport?: number;
  readonly happenings?: readonly Happening[];
  readonly onRound?: (nowMs: number, core: PacerCore) => void;
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

export interface Notice {
  /** Counts the bids. */
  readonly number: number;
  readonly node: SimNode;
  readonly bidId: string;
  readonly line: SimLine;
  readonly bidAtMs: number;
  /** null: a loss notice. */
  readonly nanos: number | null;
}

/** Runs the pacer and as many bidders as asked, message for message, against a market. The same seed gives the same run. */
export function runWorld(options: WorldOptions): WorldResult {
  const { market, random, delayMs, noticeLoss, lines } = options;
  const noticeRepeat = options.noticeRepeat ?? 0;
  const storeLagMs = options.storeLagMs ?? 0;
  const settings = { ...pacerDefaults, ...options.pacer, dayShape: options.pacer?.dayShape ?? market.knownShape };
  let core = createPacerCore(settings);
  for (const change of options.changes) core.change(change);
  const ofNodes = { mode: options.mode, releaseAfterMs: Math.max(30_000, 5 * delayMs) };
  const nodes = Array.from({ length: options.nodes }, (_, at) => createSimNode(at, at + 1, ofNodes));
  const paces = new Map<number, Pace>();
  const last = new Map<string, PacingMessage>();
  const remembered = new Map<string, ForecastMemory>();
  const notices = createLater<Notice>(market.startMs);
  const ingest = createLater<Notice>(market.startMs);
  const store = createSimStore(timeZoneOf(options.changes));
  const results = new Map(lines.map((line) => [line.lineItemId, newResult(market)]));
  const happenings = [...(options.happenings ?? [])].sort((a, b) => a.atMs - b.atMs);
  // Only a pacer that restarts reads what is kept for it.
  const restarts = happenings.some(({ what }) => 'restartPacer' in what);
  const changes = [...options.changes];
  let storeDownMs = 0;
  let logDownMs = 0;
  let rounds = 0;
  let cpuMs = 0;
  let effort = 0;
  let lastLog = Number.NaN;
  let born = options.nodes;
  let bids = 0;

  const deliver = (messages: readonly PacingMessage[]): void => {
    for (const message of messages) {
      last.set(message.owner, message);
      core.acknowledge(message.owner, message.epoch);
      for (const node of nodes) node.ledger.applyPacing(message);
      for (const { lineItemId, multiplierPpm, passPpm, cells } of message.lineItems)
        paces.set(lineItemId, { multiplier: multiplierPpm / 1e6, pass: passPpm / 1e6, cells, slots: [] });
    }
  };

  const settle = (nowMs: number): void => {
    if (nowMs < logDownMs) return;
    for (let notice = notices.next(nowMs); notice !== undefined; notice = notices.next(nowMs)) {
      const { node, bidId, nanos } = notice;
      if (!node.gone) node.ledger.settle(bidId, nanos === null ? 'released' : { billedNanos: BigInt(nanos) });
      if (nanos !== null) ingest.add(nowMs + storeLagMs, notice);
    }
    for (let notice = ingest.next(nowMs); notice !== undefined; notice = ingest.next(nowMs))
      if (store.add(notice)) results.get(notice.line.lineItemId)!.billedNanos += notice.nanos ?? 0;
  };

  const kill = (place: number): void => {
    nodes[place]!.gone = true;
    nodes[place] = createSimNode(place, ++born, ofNodes);
    for (const pace of paces.values()) pace.slots[place] = undefined;
  };

  const happen = (nowMs: number): void => {
    while (happenings.length > 0 && happenings[0]!.atMs <= nowMs) {
      const { what } = happenings.shift()!;
      if ('change' in what) {
        changes.push(what.change);
        core.change(what.change);
      } else if ('kill' in what) kill(what.kill);
      else if ('storeDownUntilMs' in what) storeDownMs = what.storeDownUntilMs;
      else if ('logDownUntilMs' in what) logDownMs = what.logDownUntilMs;
      else {
        core = createPacerCore(settings);
        for (const change of changes) core.change(change);
        for (const message of last.values()) core.restore(message);
        for (const memory of remembered.values()) core.recall(memory);
      }
    }
  };

  const round = (nowMs: number): void => {
    happen(nowMs);
    settle(nowMs);
    const reporting = rounds % (options.roundsPerReport ?? 1) === 0 ? nodes : [];
    const reports = reporting.map((node) => report(node, nowMs, nowMs < logDownMs));
    const startedAt = process.hrtime.bigint();
    for (const stats of reports) core.stats(stats);
    if (nowMs < storeDownMs) core.storeIsDown();
    else store.read(core, market, nowMs, settings.cohortMs, rounds * settings.roundMs);
    const messages = core.round(nowMs);
    if (restarts)
      for (const { key, memory } of core.memories(nowMs, MEMORIES_A_ROUND)) {
        if (memory === null) remembered.delete(key);
        else remembered.set(key, memory);
      }
    cpuMs += Number(process.hrtime.bigint() - startedAt) / 1e6;
    deliver(messages);
    rounds++;
    const logM = Math.log(Math.max(1e-9, paces.get(lines[0]!.lineItemId)?.multiplier ?? 1));
    if (!Number.isNaN(lastLog)) effort += Math.abs(logM - lastLog);
    lastLog = logM;
    options.onRound?.(nowMs, core);
  };

  const delay = (): number => delayMs * (0.3 - 0.7 * Math.log(1 - random.next()));
  const auction = (node: SimNode, index: number): void => {
    const line = chooseLine(node, options.linesOf?.(index) ?? lines, paces, market, index, random);
    if (line === null) return;
    const { bidNanos } = node;
    const atMs = market.atMs[index]!;
    const number = bids++;
    const bidId = `${node.name}${number}`;
    node.ledger.reserved(bidId, node.bidSlots, BigInt(bidNanos), atMs);
    const won = bidNanos > market.priceNanos[index]!;
    const nanos = won ? (options.firstPrice ? bidNanos : market.priceNanos[index]!) : null;
    if (won) deliverWin(results.get(line.lineItemId)!, market, index, nanos!);
    const notice = { number, node, bidId, line, bidAtMs: atMs, nanos };
    if (random.next() >= noticeLoss) notices.add(atMs + delay(), notice);
    if (random.next() < noticeRepeat) notices.add(atMs + delay() * 3, notice);
  };

  let nextRound = market.startMs - settings.roundMs;
  for (let i = 0; i < market.atMs.length; i++) {
    for (; nextRound <= market.atMs[i]!; nextRound += settings.roundMs) round(nextRound);
    auction(nodes[i % nodes.length]!, i);
  }
  for (; nextRound < market.endMs; nextRound += settings.roundMs) round(nextRound);
  // Feedback still under way arrives after the end; nothing is bid any more.
  settle(market.endMs + TOKEN_MS * 4);
  settle(market.endMs + TOKEN_MS * 8);
  return { lines: results, counters: nodes.map((node) => node.ledger.counters()), core, rounds, cpuMs, effort };
}

/** All advertisers of a simulation live in the time zone of the first. */
function timeZoneOf(changes: readonly CampaignChange[]): string {
  for (const change of changes) if (change.kind === 'advertiser') return change.entity.timeZone;
  return 'UTC';
}
