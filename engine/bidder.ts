import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { EventLog, LogRecord } from '../core/eventlog.ts';
import { newNodeIncarnation, nodeName } from '../core/ids.ts';
import { createNodeLedger } from '../core/ledger.ts';
import type { Random } from '../core/random.ts';
import type { SpanRecord } from '../core/trace.ts';
import { within } from '../core/within.ts';
import type { CatalogChange } from './catalog/catalog.ts';
import type { BidderConfig, BidderReload } from './config.ts';
import { createAppender } from './main/appender.ts';
import { catalogUpdate, lastOfKeys } from './main/campaignfeed.ts';
import { type Follower, follow } from './main/follow.ts';
import { createBidderMetrics } from './main/metrics.ts';
import { createNodeMemory } from './main/nodememory.ts';
import { createPacingFeed } from './main/pacingfeed.ts';
import { createReleaseTimes } from './main/releasetimes.ts';
import { createSettler } from './main/settler.ts';
import { inSlices } from './main/slices.ts';
import { createLineSlots } from './main/slots.ts';
import { createSpendGuard } from './main/spendguard.ts';
import { createTotals } from './main/totals.ts';
import { startWorkers, type Workers } from './main/workers.ts';
import { createSharedCredit, creditBank, creditCells } from './shared/credit.ts';
import { createSharedPace } from './shared/pace.ts';
import { type RecordReader, readRecord } from './shared/records.ts';
import { createSharedRing, readRing, refusedRecords } from './shared/ring.ts';
import { createSharedStatus, isReady, setDraining, setHeld, setReady } from './shared/status.ts';
import { receiveAudiences } from './users/audiencetravel.ts';

export interface BidderDeps {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Registry;
  /** False while no new bids may be made because their notices might not be kept: asked every 10 ms. Default: always. */
  readonly mayBid?: () => boolean;
  /** The accounts that may not bid now because they were billed too fast, whenever that changes. */
  readonly onSpendLimited?: (advertiserIds: readonly number[]) => void;
  /** Spans of traced requests, every half second when there are any, and how many were left out. */
  readonly onSpans?: (spans: readonly SpanRecord[], dropped: number) => void;
  /** Something the bidder can not go on without has failed: stop the process. */
  readonly onFatal: (error: unknown) => void;
}

export interface Bidder {
  readonly port: number;
  /** This run's identity: eight hex digits. */
  readonly node: string;
  /** `uWebSockets.js VERSION` or `node:http`. */
  readonly transport: string;
  isReady(): boolean;
  /** Takes over what may change while it runs. */
  reconfigure(changed: BidderReload): void;
  /** Stops accepting, answers what is in flight, flushes events and counters. The process can then end by itself. */
  stop(): Promise<void>;
}

const DRAIN_EVERY_MS = 10;
const RECORDS_PER_DRAIN = 20_000;
const STATS_EVERY_MS = 1_000;
const GRACE_MS = 5_000;
/** What stopping may take until the last request is answered: an orchestrator allows ten seconds. */
const STOP_WITHIN_MS = 9_000;
const END_THREADS_MS = 3_000;

/**
 * Starts a bidder: bid threads on one port, and this thread, which follows campaigns and pacing, owns the node's
 * budget ledger and appends events to the log. Needs the built `dist/` (worker threads do not load TypeScript).
 * @throws CodedError `listen_failed` when the port is taken
 */
export async function startBidder(config: BidderConfig, deps: BidderDeps): Promise<Bidder> {
  let stopThreads = async (): Promise<void> => {};
  let failed = false;
  // A process that exits with a live uWS loop aborts, and its exit code would not be ours: the threads end first.
  const endThreads = () => within(END_THREADS_MS, stopThreads());
  const onFatal = (error: unknown): void => {
    if (failed) return;
    failed = true;
    void endThreads().then(() => deps.onFatal(error));
  };
  try {
    return await openBidder(config, { ...deps, onFatal }, (workers) => {
      stopThreads = () => workers.stop(0);
    });
  } catch (error) {
    await endThreads();
    throw error;
  }
}

async function openBidder(
  config: BidderConfig,
  deps: BidderDeps,
  onThreads: (workers: Workers) => void,
): Promise<Bidder> {
  const { log, clock, logger } = deps;
  const incarnation = newNodeIncarnation(deps.random);
  const node = nodeName(incarnation);
  const { limits } = config;
  const credit = createSharedCredit(limits.maxCells, clock.nowMs());
  const pace = createSharedPace(limits.maxLineItems);
  const status = createSharedStatus();
  const slots = createLineSlots(limits.maxLineItems);
  const ledger = createNodeLedger({
    node,
    bank: creditBank(credit),
    ...config.ledger,
    tokenLifetimeMs: config.tokenLifetimeMs,
    maxReservations: limits.maxReservations,
    maxCells: limits.maxCells,
  });
  const totals = createTotals(node, clock.nowMs());
  const guard = createSpendGuard(config.spendLimitNanos);
  const memory = createNodeMemory(config, clock, guard);
  if (memory.fault !== '') logger.warn({ why: memory.fault }, 'caps and rates learned before are not used');
  let lines = 0;
  let switches = 0;
  let caughtUp = 0;
  let limited: readonly number[] = [];
  /** The last write to the log failed: until one succeeds, new bids could not be billed. */
  let failing = false;
  const onInvalid = (key: string, why: string) => logger.warn({ key, why }, 'record left out: not valid');

  const rings = Array.from({ length: Math.max(1, config.threads) }, () => {
    const ring = createSharedRing(limits.ringBytes);
    return { ring, buffer: Buffer.from(ring.data) };
  });
  const metrics = createBidderMetrics(deps.metrics, {
    ready: () => isReady(status),
    lines: () => lines,
    switches: () => switches,
    ringRefused: (thread) => refusedRecords(rings[thread]!.ring),
    threads: rings.length,
    cells: () => creditCells(credit, clock.nowMs()),
    caps: memory.stats,
    limited: () => limited.length,
  });
  const appender = createAppender({
    log,
    maxRecords: limits.maxAppendRecords,
    onDone(thread, refs, ok) {
      failing = !ok;
      workers.send(thread, { kind: 'durable', refs, ok });
    },
    onError: (error, records) => {
      metrics.appendFailed();
      logger.error({ err: error, records }, 'events could not be appended: their callers are told to send them again');
    },
  });

  const workers = await startWorkers(
    config,
    { incarnation, threads: rings.length, credit, pace, status, learned: memory.learned },
    rings.map(({ ring }) => ring),
    {
      onWake: () => drain(),
      onCounts: (thread, counts) => {
        totals.add(counts);
        metrics.add(thread, counts);
      },
      onApplied: (lineItems, on) => {
        lines = lineItems;
        switches = on;
      },
      onSpans: (spans, dropped) => deps.onSpans?.(spans, dropped),
      onMetrics: () => deps.metrics.metrics(),
      onDefect: (message, stack) => logger.error({ message, stack }, 'a bid request met a defect'),
      onCrash: deps.onFatal,
    },
  );
  onThreads(workers);
  const readers = rings.map(
    (_, thread): RecordReader => ({
      onReserved: (bidId, bidAtMs, nanos, exchangeHash, cells, count) =>
        ledger.reserved(bidId, cells, BigInt(nanos), bidAtMs, releaseTimes.waitMs(exchangeHash), count),
      onEvent: (ref, key, value) => appender.add(thread, ref, { key, value }),
    }),
  );
  const releaseTimes = createReleaseTimes(config.ledger.releaseAfterMs, config.tokenLifetimeMs);
  /** Takes over what the bid threads wrote: reservations into the ledger, events towards the log. */
  function drain(): void {
    rings.forEach(({ ring, buffer }, thread) => {
      const reader = readers[thread]!;
      readRing(ring, buffer, RECORDS_PER_DRAIN, (bytes, startAt, endAt) => readRecord(bytes, startAt, endAt, reader));
    });
    appender.flush();
    setHeld(status, failing || deps.mayBid?.() === false);
  }

  const serving = () => isReady(status);
  const monotonicMs = () => clock.monotonicMs();
  const settle = createSettler({ ...config, ledger, node, releaseTimes });
  const pacing = createPacingFeed(ledger, pace, slots, onInvalid);
  let events: Follower | null = null;
  const pacingFollower = await follow({
    log,
    clock,
    topic: 'pacing',
    from: 'start',
    onRecords: (records) => inSlices(records, serving, monotonicMs, pacing.apply),
    onCaughtUp: becomeReady,
    onError: deps.onFatal,
  });
  const campaigns = await follow({
    log,
    clock,
    topic: 'campaigns',
    from: 'start',
    onRecords(records) {
      let updates: CatalogChange[] = [];
      const read = (record: LogRecord): void => {
        const update = catalogUpdate(record, slots, onInvalid);
        if (update !== null) updates.push(update);
      };
      return inSlices(lastOfKeys(records), serving, monotonicMs, read, () => {
        memory.onCampaigns(updates);
        workers.broadcast({ kind: 'changes', updates });
        updates = [];
      });
    },
    onCaughtUp: becomeReady,
    onError: deps.onFatal,
  });

  const { audiencesPath, audiencesFrom } = config.users;
  const audiences =
    audiencesPath !== '' && audiencesFrom === 'log'
      ? await receiveAudiences(audiencesPath, log, onInvalid, deps.onFatal)
      : null;

  function becomeReady(): void {
    caughtUp++;
    if (caughtUp === 2) startBidding().catch(deps.onFatal);
  }

  /** Follows events only now: which of them count for a cap is known from the campaigns. No bid was made yet. */
  async function startBidding(): Promise<void> {
    events = await follow({
      log,
      clock,
      topic: 'events',
      from: 'end',
      startAt: memory.startAt,
      onRecords(records, partition) {
        settle(records);
        memory.onEvents(records, partition);
      },
      onError: deps.onFatal,
    });
    // A change is applied by the threads in the order it was sent, so the answer to a marker means all are in.
    await workers.settled();
    await workers.arrange();
    setReady(status, true);
  }

  const drainTimer = setInterval(drain, DRAIN_EVERY_MS);
  const statsTimer = setInterval(() => {
    void publishStats(false);
    memory.tick().catch(notSaved);
    limitSpend();
  }, STATS_EVERY_MS);
  let publishing: Promise<void> = Promise.resolve();

  async function publishStats(final: boolean): Promise<void> {
    drain();
    const nowMs = clock.nowMs();
    ledger.expire(nowMs, events?.readToMs() ?? 0);
    const message = totals.take(nowMs, final ? ledger.uses() : ledger.dueUses(nowMs), final);
    publishing = log.append('bidstats', [{ key: node, value: Buffer.from(JSON.stringify(message)) }]).then(
      () => {
        failing = false;
      },
      (error) => {
        failing = true;
        logger.error({ err: error }, 'bid statistics could not be appended');
      },
    );
    await publishing;
  }

  function notSaved(error: unknown): void {
    logger.error({ err: error }, 'caps and rates could not be saved');
  }

  /** An account that was billed too fast stops until its last minute is under the limit again. */
  function limitSpend(): void {
    const now = guard.limited(clock.nowMs());
    if (now.join() === limited.join()) return;
    limited = now;
    logger.warn({ code: 'spend.limited', advertisers: now }, 'accounts that are billed too fast may not bid');
    deps.onSpendLimited?.(now);
  }

  async function stop(): Promise<void> {
    setDraining(status);
    const noticed = new Promise((resolve) => setTimeout(resolve, config.drainMs));
    await Promise.all([noticed, campaigns.stop(), pacingFollower.stop(), audiences?.stop()]);
    await workers.stop(Math.max(500, Math.min(GRACE_MS, STOP_WITHIN_MS - config.drainMs)));
    clearInterval(drainTimer);
    clearInterval(statsTimer);
    drain();
    await appender.idle();
    await publishing;
    await events?.stop();
    await memory.close().catch(notSaved);
    await publishStats(true);
  }

  const { faults } = workers;
  if (workers.transport === 'node:http')
    logger.warn({ faults }, 'no µWebSockets.js here: serving through node:http, one thread');
  // There is a build for newer systems and one for older ones: that one of the two does not load is as it should be.
  else if (faults.length > 0) logger.debug({ faults }, 'another build of µWebSockets.js is not for this system');
  logger.info({ node, port: workers.port, transport: workers.transport, threads: workers.threads }, 'bidder listens');
  let stopping: Promise<void> | null = null;
  return {
    port: workers.port,
    node,
    transport: workers.transport,
    isReady: () => isReady(status),
    reconfigure(changed) {
      guard.setLimit(changed.spendLimitNanos);
      limitSpend();
      workers.broadcast({ kind: 'configure', exchanges: changed.exchanges, maxLagMs: changed.maxLagMs });
    },
    stop() {
      stopping ??= stop().catch((error) => logger.error({ err: messageOf(error) }, 'stopping failed'));
      return stopping;
    },
  };
}
