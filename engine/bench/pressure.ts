import type { Clock } from '../../core/clock.ts';
import { runOpenLoop, type ServerChild, startLoad, startServer } from './children.ts';
import { bidder, type Contestant, floors } from './contestants.ts';
import { sleep } from './gauge.ts';
import { describeMachine, type Machine } from './machine.ts';
import type { OpenLoopTotals } from './openloop.ts';
import { spread } from './rounds.ts';

/** A server that is asked at a fixed rate. */
export interface Target {
  readonly name: string;
  readonly port: number;
  /** Its memory now, bytes; null when it is not ours to ask. */
  rssBytes(): Promise<number | null>;
  /** Lets it take in all its campaigns anew; null when it can not be told. */
  readonly reload: (() => void) | null;
  stop(): Promise<void>;
}

/** One target at one rate: medians of the rounds, but for what must never happen, where the worst counts. */
export interface PressureRow {
  readonly target: string;
  readonly phase: string;
  readonly ratePerSecond: number;
  readonly answeredPerSecond: number;
  readonly bidShare: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Of answers with a bid. */
  readonly bidP99Ms: number;
  /** Of the generator itself. */
  readonly lateP99Ms: number;
  readonly droppedShare: number;
  readonly errors: number;
  readonly rssMegabytes: number | null;
}

export interface PressureResult {
  readonly v: 1;
  readonly bench: 'latency' | 'overload';
  readonly machine: Machine;
  readonly sustainablePerSecond: number;
  readonly rows: readonly PressureRow[];
}

export interface PressureOptions {
  readonly clock: Clock;
  /** Length of each measurement, seconds; every target gets `rounds` of them at each rate. */
  readonly seconds: number;
  readonly rounds: number;
  readonly lineItems: number;
  /** Rate of the first comparison; the other is 70 % of the highest sustainable one. */
  readonly ratePerSecond: number;
  /** Instead of a bidder with its log in memory: for example the whole product. */
  readonly target?: Target;
  readonly onProgress: (text: string) => void;
}

const SEARCH_SECONDS = 3;
const SEARCH_FROM = 2000;
const SEARCH_FACTOR = 1.25;
const SEARCH_TO = 60_000;
/** A rate is held when its p99 stays below this, nothing is dropped and nothing goes wrong. */
const HELD_P99_MS = 30;
const CONNECTIONS = 256;
/** An exchange that is not answered opens more. */
const OVERLOAD_CONNECTIONS = 2048;
const OVERLOAD = 3;
const SHARE = 0.7;

/** Latency at a fixed rate beside the bare floor at the same rate, and while everything is reloaded. */
export async function runLatencyBench(options: PressureOptions): Promise<PressureResult> {
  return withTargets(options, 'latency', async (ours, floor, rows) => {
    const highest = await highestRate(ours, options);
    for (const rate of [options.ratePerSecond, Math.round(highest * SHARE)]) {
      const runs = new Map<Target, OpenLoopTotals[]>([
        [floor, []],
        [ours, []],
      ]);
      for (let round = 0; round < options.rounds; round++) {
        for (const [target, found] of runs) {
          options.onProgress(`${target.name} at ${rate}/s, round ${round + 1} of ${options.rounds}`);
          found.push(await ask(target, rate, CONNECTIONS, options.seconds));
        }
      }
      for (const [target, found] of runs) rows.push(rowOf(target.name, 'steady', rate, options, found, null));
    }
    const { reload } = ours;
    if (reload !== null) {
      const rate = Math.round((highest * SHARE) / 2);
      for (const phase of ['before reload', 'reloading', 'after reload']) {
        options.onProgress(`${ours.name} at ${rate}/s: ${phase}`);
        const timer = phase === 'reloading' ? setInterval(reload, RELOAD_MS) : undefined;
        if (timer !== undefined) reload();
        const found = await ask(ours, rate, CONNECTIONS, options.seconds);
        clearInterval(timer);
        rows.push(rowOf(ours.name, phase, rate, options, [found], null));
      }
    }
    return highest;
  });
}
/** The first begins with the measurement, the next ones never before the last can be over. */
const RELOAD_MS = 5000;

/** Three times what is sustainable: what is accepted stays quick, the rest is refused at once, memory stays flat. */
export async function runOverloadBench(options: PressureOptions): Promise<PressureResult> {
  return withTargets(options, 'overload', async (ours, _floor, rows) => {
    const highest = await highestRate(ours, options);
    const steady = Math.round(highest * SHARE);
    const parts: readonly (readonly [string, number, number])[] = [
      ['before', steady, CONNECTIONS],
      ['overload', highest * OVERLOAD, OVERLOAD_CONNECTIONS],
      ['overload, later', highest * OVERLOAD, OVERLOAD_CONNECTIONS],
      ['after', steady, CONNECTIONS],
    ];
    for (const [phase, rate, connections] of parts) {
      options.onProgress(`${ours.name} at ${rate}/s: ${phase}`);
      const found = await ask(ours, rate, connections, options.seconds);
      rows.push(rowOf(ours.name, phase, rate, options, [found], await ours.rssBytes()));
    }
    return highest;
  });
}

async function withTargets(
  options: PressureOptions,
  bench: PressureResult['bench'],
  measure: (ours: Target, floor: Target, rows: PressureRow[]) => Promise<number>,
): Promise<PressureResult> {
  const machine = describeMachine();
  const rows: PressureRow[] = [];
  const floor = await targetOf(floors[0]!, options);
  try {
    const ours = options.target ?? (await targetOf(bidder(options.lineItems, 'uws', true), options));
    try {
      if (options.target !== undefined) await warmUp(ours.port, options.clock);
      const sustainablePerSecond = await measure(ours, floor, rows);
      return { v: 1, bench, machine, sustainablePerSecond, rows };
    } finally {
      await ours.stop();
    }
  } finally {
    await floor.stop();
  }
}

async function targetOf(contestant: Contestant, { clock, onProgress }: PressureOptions): Promise<Target> {
  onProgress(`starting ${contestant.name}`);
  const server: ServerChild = await startServer({ ...contestant, pin: null });
  await warmUp(server.port, clock);
  return {
    name: contestant.name,
    port: server.port,
    rssBytes: async () => (await server.usage()).rssBytes,
    reload: () => server.tell('reload'),
    stop: () => server.stop(),
  };
}

/** The compiler needs some tens of thousands of requests. */
const WARM_UP_ANSWERS = 60_000;
const WARM_UP_MS = 15_000;

async function warmUp(port: number, clock: Clock): Promise<void> {
  const load = await startLoad({ port, path: PATH, connections: 64, seed: 1, requests: 4096 }, null);
  const untilMs = clock.monotonicMs() + WARM_UP_MS;
  do await sleep(100);
  while (clock.monotonicMs() < untilMs && (await load.totals()).answers < WARM_UP_ANSWERS);
  await load.stop();
}
const PATH = '/openrtb2/bid/demo';

/** The highest rate that is held, searched upwards in steps of a quarter. */
async function highestRate(target: Target, { onProgress }: PressureOptions): Promise<number> {
  let held = 0;
  for (let rate = SEARCH_FROM; rate <= SEARCH_TO; rate = Math.round(rate * SEARCH_FACTOR)) {
    onProgress(`does ${target.name} hold ${rate}/s?`);
    if (!(await holds(target, rate)) && !(await holds(target, rate))) break;
    held = rate;
  }
  return Math.max(held, SEARCH_FROM);
}

async function holds(target: Target, rate: number): Promise<boolean> {
  const found = await ask(target, rate, CONNECTIONS, SEARCH_SECONDS);
  return found.dropped === 0 && found.others === 0 && found.latencyMs.p99 < HELD_P99_MS;
}

function ask(target: Target, rate: number, connections: number, seconds: number): Promise<OpenLoopTotals> {
  return runOpenLoop({ port: target.port, path: PATH, rate, connections }, seconds);
}

function rowOf(
  target: string,
  phase: string,
  ratePerSecond: number,
  { seconds }: PressureOptions,
  found: readonly OpenLoopTotals[],
  rssBytes: number | null,
): PressureRow {
  const median = (of: (one: OpenLoopTotals) => number): number => spread(found.map(of)).median;
  const sum = (of: (one: OpenLoopTotals) => number): number => found.reduce((total, one) => total + of(one), 0);
  return {
    target,
    phase,
    ratePerSecond,
    answeredPerSecond: median(({ answered }) => answered / seconds),
    bidShare:
      sum(({ bids }) => bids) /
      Math.max(
        1,
        sum(({ answered }) => answered),
      ),
    p50Ms: median(({ latencyMs }) => latencyMs.p50),
    p99Ms: median(({ latencyMs }) => latencyMs.p99),
    p999Ms: median(({ latencyMs }) => latencyMs.p999),
    maxMs: Math.max(...found.map(({ latencyMs }) => latencyMs.max)),
    bidP99Ms: median(({ bidLatencyMs }) => bidLatencyMs.p99),
    lateP99Ms: median(({ latenessMs }) => latenessMs.p99),
    droppedShare:
      sum(({ dropped }) => dropped) /
      Math.max(
        1,
        sum(({ sent, dropped }) => sent + dropped),
      ),
    errors: sum(({ others }) => others),
    rssMegabytes: rssBytes === null ? null : Math.round(rssBytes / 1e6),
  };
}
