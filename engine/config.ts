import type { Nanos } from '../core/money.ts';
import type { BillingEvent, TokenKey } from '../core/token.ts';
import { defaultVendor, type PrivacyOptions } from './privacy/decision.ts';

/** What differs from exchange to exchange. */
export interface ExchangeProfile {
  /** As in the path: `/openrtb2/bid/{name}`; at most 32 characters. */
  readonly name: string;
  /** Our seat there (`seatbid.seat`); '' leaves it out. */
  readonly seat: string;
  /** Which notice bills. */
  readonly billingEvent: BillingEvent;
  /** How `${AUCTION_PRICE}` comes back. */
  readonly price: PriceScheme;
  /** Auction when the request does not say (`at`): 1 first price, 2 second price. */
  readonly auctionType: 1 | 2;
  /** `nbr`: a 200 with a no-bid reason; `empty`: a 204. */
  readonly noBid: 'empty' | 'nbr';
  /** Compress answers when the caller accepts gzip. */
  readonly gzip: boolean;
  /** Most bid requests per second and node; 0: no limit. */
  readonly qpsLimit: number;
  /** Network round trip to subtract from `tmax`, milliseconds. */
  readonly roundTripMs: number;
  /** `tmax` when the request has none, milliseconds. */
  readonly defaultTmaxMs: number;
  /** Media types we sell there. */
  readonly media: readonly ('banner' | 'video' | 'audio' | 'native')[];
  /** What the exchange puts before a click link (its click macro); '' for none. */
  readonly clickMacro: string;
  /** The macro is followed by our link percent-encoded. */
  readonly clickMacroEncodes: boolean;
  /** Seconds after which a bid can no longer be billed (`exp`). */
  readonly expirySeconds: number;
  /** At most one ad of an advertiser in the answer to one request: the exchange's requests are pages. */
  readonly oneAdPerAdvertiser: boolean;
  /** Bid only on requests with a complete supply chain (`schain`). */
  readonly requireSupplyChain: boolean;
}

/** `plain`: a decimal CPM. `base64`: the same after `${AUCTION_PRICE:B64}`. `google`: HMAC-SHA1 encrypted, keys as base64url. */
export type PriceScheme =
  | { readonly scheme: 'plain' }
  | { readonly scheme: 'base64' }
  | { readonly scheme: 'google'; readonly encryptionKey: string; readonly integrityKey: string };

export const defaultProfile: ExchangeProfile = {
  name: 'demo',
  seat: 'evenkeel',
  billingEvent: 'bill',
  price: { scheme: 'plain' },
  auctionType: 1,
  noBid: 'empty',
  gzip: true,
  qpsLimit: 0,
  roundTripMs: 0,
  defaultTmaxMs: 200,
  media: ['banner', 'video', 'audio', 'native'],
  clickMacro: '',
  clickMacroEncodes: false,
  expirySeconds: 3600,
  oneAdPerAdvertiser: false,
  requireSupplyChain: false,
};

export interface BidderLimits {
  /** Largest request body, also after decompression, bytes. */
  readonly maxBodyBytes: number;
  /** Open requests of all threads together, and open connections where the transport can tell (node:http). */
  readonly maxConnections: number;
  /** Bytes of request bodies that have come in part, per thread; a caller beyond is answered 503. */
  readonly maxHeldBytes: number;
  /** Requests waiting for their body or for durability, per thread; more are answered 503. */
  readonly maxInFlight: number;
  /** Ring of events and reservations per thread, bytes; a power of two. */
  readonly ringBytes: number;
  /** Bids whose outcome is followed, see the ledger. */
  readonly maxReservations: number;
  /** Budget cells known at a time. */
  readonly maxCells: number;
  /** Line items known at a time. */
  readonly maxLineItems: number;
  /** Records of one append to the log. */
  readonly maxAppendRecords: number;
}

export const defaultLimits: BidderLimits = {
  maxBodyBytes: 256 * 1024,
  maxConnections: 10_000,
  maxHeldBytes: 64 * 1024 * 1024,
  maxInFlight: 10_000,
  ringBytes: 8 * 1024 * 1024,
  maxReservations: 500_000,
  maxCells: 100_000,
  maxLineItems: 200_000,
  maxAppendRecords: 5_000,
};

/** Everything a bidder process is told. Plain data: it is passed to the worker threads as it is. */
export interface BidderConfig {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Bid threads; the node:http fallback always has one. */
  readonly threads: number;
  /** What exchanges and browsers reach us under, without a trailing slash; '' means `http://host:port`. */
  readonly publicBaseUrl: string;
  /** The first signs, all verify. */
  readonly tokenKeys: readonly TokenKey[];
  readonly exchanges: readonly ExchangeProfile[];
  readonly limits: BidderLimits;
  /** SHA-256 (hex) of each key that may use `?debug=1` and see `/metrics`-only details. */
  readonly operatorKeyHashes: readonly string[];
  readonly ledger: {
    readonly mode: 'standard' | 'strict';
    /** Standard mode: how long a reservation waits for its notice until the exchanges' delays are learned, milliseconds. */
    readonly releaseAfterMs: number;
  };
  /** A win, billing or impression notice counts until this long after its bid, milliseconds. */
  readonly tokenLifetimeMs: number;
  /** The same for clicks and conversions. */
  readonly clickLifetimeMs: number;
  /** What one unit of each currency is worth in US dollars. Currencies that are not here are not bid in. */
  readonly currencies: Readonly<Record<string, number>>;
  /** The most an account may be billed within a minute, nanos of its currency, over all bidders; 0: no limit. */
  readonly spendLimitNanos: Nanos;
  /** A bid thread whose loop is later than this answers 204 until it has caught up, milliseconds. */
  readonly maxLagMs: number;
  /** How long a stopping bidder, no longer ready, still takes connections and closes each after its answer, milliseconds. */
  readonly drainMs: number;
  /** Kept from the deadline for what the clock can not see, milliseconds. */
  readonly marginMs: number;
  /** Take the caller's address from the last entry of `X-Forwarded-For`: only behind a proxy of our own. */
  readonly trustForwardedFor: boolean;
  readonly privacy: PrivacyOptions;
  readonly users: UserOptions;
  readonly learning: LearningOptions;
  /** `auto`: µWebSockets.js when it loads, else node:http. */
  readonly transport: 'auto' | 'uws' | 'node';
  /** Rehearsals: how much faster the wall clock runs, and when it showed the true time (ms). `{ scale: 1 }` is life. */
  readonly time: { readonly scale: number; readonly originMs: number };
  readonly version: string;
  /** Share of bid requests that are traced, and most of a thread's in a second; null: none, at no cost. */
  readonly traces: { readonly ratio: number; readonly maxPerSecond: number } | null;
}

/** What may change while a bidder runs. */
export type BidderReload = Pick<BidderConfig, 'exchanges' | 'maxLagMs' | 'spendLimitNanos'>;

export interface UserOptions {
  /** Salt of user hashes, at least 16 bytes, the same as for uploaded audiences. '' derives one from the first token key. */
  readonly salt: string;
  /** How long each salt made of it names users, ms; 0: it is the salt, for ever. */
  readonly saltPeriodMs: number;
  /** Directory of the audience store; '' without audiences. */
  readonly audiencesPath: string;
  /** `folder`: somebody on this machine writes it. `log`: this bidder does, from what the topic `audiences` says. */
  readonly audiencesFrom: 'folder' | 'log';
  /** Count a user without an id by address and user agent. */
  readonly fingerprint: boolean;
  /** Memory of frequency caps: buckets of 128 bytes and 7 counts; a power of two. */
  readonly capBuckets: number;
}

export interface LearningOptions {
  /** File that keeps caps and everything learned across restarts; '' keeps them in memory only. */
  readonly path: string;
  /** See `LearnerOptions`. */
  readonly evidenceBuckets: number;
  readonly marketRows: number;
}

export const defaultBidderConfig: Omit<BidderConfig, 'tokenKeys'> = {
  host: '127.0.0.1',
  port: 8080,
  threads: 1,
  publicBaseUrl: '',
  exchanges: [defaultProfile],
  limits: defaultLimits,
  operatorKeyHashes: [],
  ledger: { mode: 'standard', releaseAfterMs: 120_000 },
  tokenLifetimeMs: 3_600_000,
  clickLifetimeMs: 7 * 86_400_000,
  currencies: { USD: 1 },
  spendLimitNanos: 0,
  maxLagMs: 50,
  drainMs: 0,
  marginMs: 2,
  trustForwardedFor: false,
  privacy: { vendor: defaultVendor },
  users: {
    salt: '',
    saltPeriodMs: 0,
    audiencesPath: '',
    audiencesFrom: 'folder',
    fingerprint: false,
    capBuckets: 131_072,
  },
  learning: { path: '', evidenceBuckets: 16_384, marketRows: 1024 },
  transport: 'auto',
  time: { scale: 1, originMs: 0 },
  version: '0.0.0',
  traces: null,
};
