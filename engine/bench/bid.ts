import type { Clock } from '../../core/clock.ts';
import { type Bar, barsOf } from './bars.ts';
import { sharedProcessor } from './children.ts';
import { bidder, type Contestant, floors, type Measured, measureRounds } from './contestants.ts';
import { describeMachine, type Machine } from './machine.ts';
import { ratios, type Spread, spread } from './rounds.ts';
import { measureStages, type StageCost } from './stages.ts';

export interface BidBenchOptions {
  /** Fewer contestants and rounds, under 45 s. */
  readonly quick: boolean;
  /** Interleaved rounds; default 5, quick 3. */
  readonly rounds?: number;
  /** Length of one measurement, milliseconds; default 3000, quick 1000. */
  readonly sliceMs?: number;
  /** More servers to compare with, such as the peers of the load test. */
  readonly peers?: readonly Contestant[];
  /** Instead of the usual ones. */
  readonly contestants?: readonly Contestant[];
  readonly clock: Clock;
  /** Told what is being done, for a progress line. */
  readonly onProgress?: (text: string) => void;
}

/** One row of the comparison. CPU times are of the whole server process, user and system. */
export interface BidBenchRow {
  readonly name: string;
  readonly says: string;
  readonly note: string;
  readonly cpuUs: Spread;
  /** Of the busiest thread alone, microseconds a request. */
  readonly threadUs: Spread;
  readonly versusUws: Spread;
  readonly versusParse: Spread;
  readonly requestsPerSecond: Spread;
  readonly utilisation: Spread;
  readonly bidShare: number;
  /** Heap a request, all threads. NaN (null in JSON) when nothing was collected while it was measured. */
  readonly allocatedBytes: number;
  /** Heap a request, bid threads alone. */
  readonly workerBytes: number;
  readonly longestMajorMs: number;
  readonly longestMinorMs: number;
  readonly rssBytes: number;
}

export interface BidBenchResult {
  readonly v: 1;
  readonly bench: 'bid';
  readonly quick: boolean;
  readonly machine: Machine;
  /** The processor that server and client shared; null: they ran where the system put them. */
  readonly processor: number | null;
  readonly rounds: number;
  readonly sliceMs: number;
  readonly rows: readonly BidBenchRow[];
  readonly stages: readonly StageCost[];
  readonly bars: readonly Bar[];
  /** Whether every required bar holds. */
  readonly ok: boolean;
}

const CONNECTIONS = 64;

/**
 * Measures what a bid costs next to what a server costs that does nothing: CPU time per request, closed loop and
 * saturated, all contestants in every round.
 */
export async function runBidBench(options: BidBenchOptions): Promise<BidBenchResult> {
  const { quick, clock, onProgress = () => {} } = options;
  const machine = describeMachine();
  const processor = sharedProcessor();
  const rounds = options.rounds ?? (quick ? 3 : 5);
  const sliceMs = options.sliceMs ?? (quick ? 1000 : 3000);
  const measured = await measureRounds(
    {
      contestants: options.contestants ?? (quick ? quickContestants : [...fullContestants, ...(options.peers ?? [])]),
      rounds,
      sliceMs,
      warmUpAnswers: quick ? 50_000 : 100_000,
      warmUpMs: quick ? 5000 : 30_000,
      connections: CONNECTIONS,
      requests: quick ? 2048 : 8192,
      pin: processor,
    },
    clock,
    onProgress,
  );
  onProgress('stage by stage');
  const stages = measureStages({ lineItems: 10_000, quick, clock });
  const rows = measured.map((one) => toRow(one, measured));
  const bars = barsOf(rows);
  const ok = bars.every((bar) => bar.ok || !bar.required);
  return { v: 1, bench: 'bid', quick, machine, processor, rounds, sliceMs, rows, stages, bars, ok };
}

const quickContestants = [floors[0]!, floors[1]!, bidder(100), bidder(10_000)];
const fullContestants = [...floors, bidder(100), bidder(1000), bidder(10_000), bidder(100_000), bidder(10_000, 'node')];

function toRow(one: Measured, all: readonly Measured[]): BidBenchRow {
  const cpuOf = (name: string): number[] =>
    all.find((other) => other.contestant.name === name)!.costs.map((cost) => cost.cpuUs);
  const cpu = one.costs.map((cost) => cost.cpuUs);
  const sum = (of: (cost: Measured['costs'][number]) => number): number =>
    one.costs.reduce((total, cost) => total + of(cost), 0);
  // Collections come every 16 MB, with whole slices between: only all slices together say what a request allocates.
  const perAnswer = (bytes: number): number => (bytes === 0 ? Number.NaN : bytes / sum(({ answers }) => answers));
  return {
    name: one.contestant.name,
    says: one.contestant.says,
    note: one.note,
    cpuUs: spread(cpu),
    threadUs: spread(one.costs.map((cost) => cost.busiestThreadUs)),
    versusUws: spread(ratios(cpu, cpuOf('uws'))),
    versusParse: spread(ratios(cpu, cpuOf('uws-parse'))),
    requestsPerSecond: spread(one.costs.map((cost) => cost.requestsPerSecond)),
    utilisation: spread(one.costs.map((cost) => cost.utilisation)),
    bidShare: spread(one.costs.map((cost) => cost.bidShare)).median,
    allocatedBytes: perAnswer(sum(({ allocatedBytes }) => allocatedBytes)),
    workerBytes: perAnswer(sum(({ workerBytes }) => workerBytes)),
    longestMajorMs: one.longestMajorMs,
    longestMinorMs: one.longestMinorMs,
    rssBytes: one.rssBytes,
  };
}
