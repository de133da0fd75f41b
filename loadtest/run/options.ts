import type { Gate } from '../gate/gate.ts';
import type { CourierOptions } from '../market/courier.ts';
import { defaultCourier } from '../market/courier.ts';
import type { MarketOptions } from '../market/market.ts';
import { defaultMarket } from '../market/market.ts';
import type { Arrivals, Stage } from '../send/schedule.ts';
import type { TrafficMix } from '../traffic/generator.ts';
import { defaultMix } from '../traffic/generator.ts';

/** Everything that defines a load test. Plain data: it is sent to the sender threads and kept in the result. */
export interface LoadtestOptions {
  /** The bid endpoint. */
  readonly url: string;
  /** The arrival rate over time. */
  readonly stages: readonly Stage[];
  readonly arrivals: Arrivals;
  /** Closed loop with this many users instead of an arrival rate; 0 for an open loop. */
  readonly closedUsers: number;
  /** Requests of this first part of the run are not counted, ms. */
  readonly warmupMs: number;
  readonly seed: number;
  /** Sender threads; 0 sends from the calling thread. */
  readonly threads: number;
  /** Connections opened before the first request, and the most that may be open, of all threads together. */
  readonly connections: number;
  readonly maxConnections: number;
  readonly timeoutMs: number;
  readonly tmaxMs: number;
  /** A request not started this long after its intended start is dropped, ms. */
  readonly maxLateMs: number;
  readonly pace: 'timer' | 'precise';
  /** Send gzip bodies and accept gzip answers. */
  readonly gzip: boolean;
  readonly insecure: boolean;
  /** Further request headers, `Name: value`. */
  readonly headers: readonly string[];
  readonly mix: TrafficMix;
  /** Different requests that are generated before they are used again, per thread. */
  readonly corpus: number;
  /** Requests from a .jsonl or .jsonl.gz file instead of generated ones; '' to generate. */
  readonly requestsPath: string;
  /** Hosts (with the port, where it is not the usual one) whose notice and beacon URLs are called, beside that of `url`. */
  readonly noticeHosts: readonly string[];
  /** null only measures answers and sends no notice. */
  readonly market: MarketOptions | null;
  readonly courier: CourierOptions;
  /** Folder of the ledgers of truth, one file per thread; null keeps totals in memory only. */
  readonly ledgerDir: string | null;
  /** How long notices may take to be delivered after the last request, ms. */
  readonly drainMs: number;
  /** Length of the steps of the time series, ms. */
  readonly intervalMs: number;
  readonly gates: readonly Gate[];
  /** The server is the echo of `loadtest self-check`, whose answers say when they were sent. */
  readonly selfCheck: boolean;
  readonly audit: { readonly apiUrl: string; readonly apiKey: string; readonly drainMs: number } | null;
}

/** Defaults of everything but the endpoint and the rate. */
export const defaultOptions: Omit<LoadtestOptions, 'url' | 'stages'> = {
  arrivals: 'even',
  closedUsers: 0,
  warmupMs: 0,
  seed: 1,
  threads: 1,
  connections: 32,
  maxConnections: 512,
  timeoutMs: 1000,
  tmaxMs: 100,
  maxLateMs: 1000,
  pace: 'timer',
  gzip: false,
  insecure: false,
  headers: [],
  mix: defaultMix,
  corpus: 5000,
  requestsPath: '',
  noticeHosts: [],
  market: defaultMarket,
  courier: defaultCourier,
  ledgerDir: null,
  drainMs: 30_000,
  intervalMs: 1000,
  gates: [],
  selfCheck: false,
  audit: null,
};

/** A start later than this counts as late, ms. */
export const LATE_MS = 10;
/** Requests of one thread that may wait for a connection. */
export const MAX_WAITING = 100_000;
