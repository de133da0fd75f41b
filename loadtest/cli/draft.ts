import type { Gate } from '../gate/gate.ts';
import type { MarketOptions } from '../market/market.ts';
import { defaultMarket } from '../market/market.ts';
import type { LoadtestOptions } from '../run/options.ts';
import { defaultOptions } from '../run/options.ts';
import type { Stage } from '../send/schedule.ts';
import { plannedMs, plannedRequests } from '../send/schedule.ts';
import type { TrafficMix } from '../traffic/generator.ts';
import { defaultMix } from '../traffic/generator.ts';
import { badOption } from './shapes.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Options while they are being read. */
export interface Draft {
  readonly options: Writable<Omit<LoadtestOptions, 'stages' | 'gates' | 'audit' | 'mix' | 'market'>>;
  readonly mix: Writable<TrafficMix>;
  readonly market: Writable<MarketOptions>;
  readonly stages: Stage[];
  readonly gates: Gate[];
  rate: number | null;
  forMs: number | null;
  warmupMs: number | null;
  noMarket: boolean;
  audit: boolean;
  apiUrl: string;
  apiKey: string;
  configPath: string;
  outDir: string;
  jsonPath: string;
  htmlPath: string;
  hdrPath: string;
  quiet: boolean;
}

/** @param apiKey the key from the environment, '' when there is none */
export function newDraft(apiKey: string): Draft {
  return {
    options: { ...defaultOptions, url: 'http://127.0.0.1:8080/openrtb2/bid/demo' },
    mix: { ...defaultMix },
    market: { ...defaultMarket },
    stages: [],
    gates: [],
    rate: null,
    forMs: null,
    warmupMs: null,
    noMarket: false,
    audit: false,
    apiUrl: 'http://127.0.0.1:8090',
    apiKey,
    configPath: '',
    outDir: '',
    jsonPath: '',
    htmlPath: '',
    hdrPath: '',
    quiet: false,
  };
}

const DEFAULT_RPS = 1000;
const DEFAULT_MS = 30_000;
const LONG_RUN_MS = 10_000;
/** Steps of the time series at most: a soak test gets longer steps, not a longer report. */
const MAX_STEPS = 3600;

/**
 * The options a draft stands for, checked as a whole.
 * @param scope marks the domains of this run's requests, so that an audit sees only its own
 * @throws CodedError `loadtest_bad_option`
 */
export function finishDraft(draft: Draft, scope: string): LoadtestOptions {
  const stages = [...draft.stages];
  if (draft.rate !== null || draft.forMs !== null || stages.length === 0) {
    const rps = draft.rate ?? DEFAULT_RPS;
    stages.push({ fromRps: rps, toRps: rps, durationMs: draft.forMs ?? DEFAULT_MS });
  }
  const totalMs = plannedMs(stages);
  if (draft.options.closedUsers === 0 && plannedRequests(stages) < 1) {
    throw badOption('This plan sends no request.', 'Give a higher rate or a longer time.');
  }
  // Sender and server compile their code in the first seconds: a tenth of a longer run, 3 s at most, is not counted.
  const warmupMs = draft.warmupMs ?? (totalMs >= LONG_RUN_MS ? Math.min(3000, totalMs / 10) : 0);
  if (warmupMs >= totalMs) {
    throw badOption('--warmup leaves nothing to measure.', 'Make the run longer than its warm-up.');
  }
  if (draft.options.connections > draft.options.maxConnections) {
    draft.options.maxConnections = draft.options.connections;
  }
  if (draft.audit && draft.noMarket) {
    throw badOption('--audit needs the market: without it there is nothing to count.', 'Leave out --no-market.');
  }
  if (draft.audit && draft.apiKey === '') {
    throw badOption('--audit needs a key for the report API.', 'Give --api-key or set EVENKEEL_API_KEY.');
  }
  const needsAudit = draft.gates.some((gate) => gate.metric === 'lost_events');
  if (needsAudit && !draft.audit) throw badOption('The gate on lost_events needs --audit.', 'Add --audit.');
  return {
    ...draft.options,
    warmupMs,
    intervalMs: Math.max(1000, Math.ceil(totalMs / MAX_STEPS / 1000) * 1000),
    mix: { ...draft.mix, scope: draft.audit ? scope : draft.mix.scope },
    market: draft.noMarket ? null : draft.market,
    stages,
    gates: draft.gates,
    audit: draft.audit ? { apiUrl: draft.apiUrl, apiKey: draft.apiKey, drainMs: draft.options.drainMs } : null,
  };
}
