import type { SpanRecord } from '../core/trace.ts';
import type { Learned } from './auction/insight.ts';
import type { CatalogChange } from './catalog/catalog.ts';
import type { BidderConfig, ExchangeProfile } from './config.ts';
import type { SharedCredit } from './shared/credit.ts';
import type { SharedPace } from './shared/pace.ts';
import type { SharedRing } from './shared/ring.ts';
import type { SharedStatus } from './shared/status.ts';
import type { ThreadCounts } from './stats/counters.ts';

/** What a bid thread is started with. */
export interface WorkerStart {
  readonly config: BidderConfig;
  readonly thread: number;
  /** How many threads there are. */
  readonly threads: number;
  readonly incarnation: number;
  readonly credit: SharedCredit;
  readonly pace: SharedPace;
  readonly status: SharedStatus;
  readonly ring: SharedRing;
  readonly learned: Learned;
}

export type ToWorker =
  | { readonly kind: 'listen'; readonly port: number }
  /** What our links start with; comes before the first changes. */
  | { readonly kind: 'reachable'; readonly baseUrl: string }
  | { readonly kind: 'changes'; readonly updates: readonly CatalogChange[] }
  /** All changes there were at the start have been applied: lay the index out for searching. */
  | { readonly kind: 'arrange' }
  | { readonly kind: 'durable'; readonly refs: readonly number[]; readonly ok: boolean }
  | { readonly kind: 'answer'; readonly ask: number; readonly body: string }
  | { readonly kind: 'configure'; readonly exchanges: readonly ExchangeProfile[]; readonly maxLagMs: number }
  | { readonly kind: 'stop'; readonly graceMs: number };

export type FromWorker =
  | { readonly kind: 'started'; readonly transport: string; readonly faults: readonly string[] }
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'wake' }
  | { readonly kind: 'applied'; readonly count: number; readonly lines: number; readonly switches: number }
  | { readonly kind: 'arranged' }
  | { readonly kind: 'counts'; readonly counts: ThreadCounts }
  | { readonly kind: 'spans'; readonly spans: readonly SpanRecord[]; readonly dropped: number }
  | { readonly kind: 'ask'; readonly ask: number; readonly what: 'metrics' }
  | { readonly kind: 'defect'; readonly message: string; readonly stack: string }
  | { readonly kind: 'stopped' };
