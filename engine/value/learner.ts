import type { EventType, LoggedEvent } from '../../core/event.ts';
import type { BidToken } from '../../core/token.ts';
import { mix32 } from '../users/captable.ts';
import { bidIdWords, createRecentIds } from '../users/recentids.ts';
import { addEvidence, createEvidence, type Evidence, fadeEvidence, LEVEL, type Outcome } from './evidence.ts';
import { createMarketLearner } from './market.ts';
import { createShadingTable, exchangeRow, marketRow, type ShadingTable } from './shading.ts';

export interface LearnerOptions {
  /** Buckets of 256 bytes and 8 entries (line items, creatives, creatives on domains); a power of two. Default 16,384: 4 MiB. */
  readonly evidenceBuckets?: number;
  /** Rows for markets (exchange, domain, media type), which share them by hash; a power of two. Default 1,024: 3 MiB. */
  readonly marketRows?: number;
  /** Bids whose repeated events are recognised, at least. Default 200,000. */
  readonly recentEvents?: number;
}

/**
 * Learns from our own events what impressions are worth and what they cost. Held by the thread that follows the
 * `events` topic; what it learns lies in shared memory, where every bid thread reads it at once.
 */
export interface Learner {
  readonly evidence: Evidence;
  readonly shading: ShadingTable;
  /**
   * Takes in an event whose token was verified; test bids and repetitions are passed over.
   * @param usdRate US dollars of a unit of the bid's currency: prices are learned in dollars
   */
  observe(
    event: Pick<LoggedEvent, 'type' | 'detail' | 'priceNanos' | 'minToWinNanos'>,
    token: BidToken,
    usdRate?: number,
  ): void;
  /** Works out shading for some of the markets; about 4 ms. Call it every second. */
  publish(): void;
  /** Lets what is old fade. Call it every hour: evidence halves in 14 days, markets in one. */
  fade(): void;
  /** What a checkpoint has to keep. */
  readonly memory: readonly { readonly name: string; readonly memory: ArrayBufferView }[];
}

const ROWS_PER_PUBLISH = 256;
const EVIDENCE_FADE = 0.5 ** (1 / (14 * 24));
const MARKET_FADE = 0.5 ** (1 / 24);
/** Notices that say a bid won; the first one of a bid counts. */
const WINS: ReadonlySet<EventType> = new Set(['win', 'bill', 'impression']);
const OUTCOMES: Partial<Record<EventType, Outcome>> = {
  impression: 'impressions',
  click: 'clicks',
  conversion: 'conversions',
};

export function createLearner(options: LearnerOptions = {}): Learner {
  const evidence = createEvidence(options.evidenceBuckets ?? 16_384);
  const shading = createShadingTable(options.marketRows ?? 1024);
  const market = createMarketLearner(shading);
  const recent = createRecentIds(options.recentEvents ?? 200_000);
  const words = new Int32Array(2);

  /** Whether this kind of news of this bid is new. */
  const isNew = (token: BidToken, kind: string): boolean => {
    bidIdWords(token.bidId, words);
    return recent.add(words[0]!, words[1]! ^ hashName(kind));
  };
  const learnPrice = (token: BidToken, won: boolean, enoughNanos: number | null, usdRate: number): void => {
    const bidNanos = token.capNanos * usdRate;
    const minToWinNanos = enoughNanos === null ? null : enoughNanos * usdRate;
    const exchange = hashName(token.exchange);
    for (const row of [exchangeRow(exchange), marketRow(shading, exchange, hashName(token.domain), token.mtype)]) {
      if (won) market.won(row, bidNanos, minToWinNanos);
      else if (minToWinNanos !== null) market.lost(row, bidNanos, minToWinNanos);
    }
  };
  const count = (token: BidToken, outcome: Outcome): void => {
    addEvidence(evidence, LEVEL.all, 0, 0, outcome);
    addEvidence(evidence, LEVEL.lineItem, token.lineItemId, 0, outcome);
    addEvidence(evidence, LEVEL.creative, token.creativeId, 0, outcome);
    const domain = hashName(token.domain);
    if (domain !== 0) addEvidence(evidence, LEVEL.creativeOnDomain, token.creativeId, domain, outcome);
  };

  return {
    evidence,
    shading,
    observe(event, token, usdRate = 1) {
      if (token.test) return;
      if (WINS.has(event.type) && isNew(token, 'won')) learnPrice(token, true, priceToWin(event, token), usdRate);
      if (event.type === 'loss' && isNew(token, 'lost')) learnPrice(token, false, event.minToWinNanos, usdRate);
      const outcome = OUTCOMES[event.type];
      if (outcome !== undefined && isNew(token, `${event.type}${event.detail}`)) count(token, outcome);
    },
    publish() {
      market.publish(ROWS_PER_PUBLISH);
    },
    fade() {
      fadeEvidence(evidence, EVIDENCE_FADE);
      market.fade(MARKET_FADE);
    },
    memory: [
      { name: 'evidence keys', memory: evidence.keys },
      { name: 'evidence counts', memory: evidence.counts },
      { name: 'market', memory: market.memory },
      { name: 'market bids', memory: shading.bids },
      { name: 'market offers', memory: shading.offers },
    ],
  };
}

/** What would have been enough: as told, or the clearing price where it is below the bid (a second price). */
function priceToWin(event: Pick<LoggedEvent, 'priceNanos' | 'minToWinNanos'>, token: BidToken): number | null {
  if (event.minToWinNanos !== null) return event.minToWinNanos;
  return event.priceNanos !== null && event.priceNanos < token.capNanos * 0.999 ? event.priceNanos : null;
}

/** Tokens keep this much of a text; the bid threads must not hash more. */
const HASHED_CHARS = 64;

/**
 * A 32-bit hash of an exchange's name or a domain as events will bring it back; 0 for ''. Both sides of learning, the
 * bid thread and the learner, must use this one.
 */
export function hashName(name: string): number {
  let hash = 0;
  for (let i = 0; i < name.length && i < HASHED_CHARS; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) + 1;
  return name === '' ? 0 : mix32(hash) || 1;
}
