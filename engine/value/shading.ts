import type { Nanos } from '../../core/money.ts';
import { mix32 } from '../users/captable.ts';
import { BINS, binOf, binPosition } from './pricebins.ts';

/**
 * Bid shading for first-price auctions, as the bid threads see it: for each market (exchange, domain and media type) how
 * many bids were sent at which price, and what share of its value a bid should offer. Markets share rows by hash, so
 * memory is fixed; the first rows are those of whole exchanges.
 */
export interface ShadingTable {
  /** Bids sent, per row and price bin; every thread adds. */
  readonly bids: Int32Array<SharedArrayBuffer>;
  /** Parts per million of the value to offer, per row and value bin; 0 where the row has learned too little. */
  readonly offers: Int32Array<SharedArrayBuffer>;
  readonly rows: number;
}

const EXCHANGE_ROWS = 64;
const MILLION = 1_000_000;
/** One bid in 16 lies anywhere between the shaded price and the value, so that the market above stays known. */
const PROBE_MASK = 15;
const PROBE_SALT = 0x73686164;

/** @param marketRows a power of two; each row is 512 bytes */
export function createShadingTable(marketRows: number): ShadingTable {
  if (marketRows < 1 || (marketRows & (marketRows - 1)) !== 0) {
    throw new RangeError('The number of rows must be a power of two.');
  }
  const rows = EXCHANGE_ROWS + marketRows;
  const row = () => new Int32Array(new SharedArrayBuffer(rows * BINS * 4));
  return { bids: row(), offers: row(), rows };
}

/** The row of a whole exchange. @param exchangeHash a 32-bit hash of the exchange's name */
export function exchangeRow(exchangeHash: number): number {
  return mix32(exchangeHash) & (EXCHANGE_ROWS - 1);
}

/** The row of one market of an exchange. @param mtype OpenRTB: 1 banner, 2 video, 3 audio, 4 native */
export function marketRow(table: ShadingTable, exchangeHash: number, domainHash: number, mtype: number): number {
  const hash = mix32(mix32(exchangeHash ^ Math.imul(domainHash, 0x9e3779b1)) ^ Math.imul(mtype, 0x85ebca77));
  return EXCHANGE_ROWS + (hash & (table.rows - EXCHANGE_ROWS - 1));
}

/**
 * The price to bid in a first-price auction for an impression worth `valueNanos`: the value times the share that wins
 * the most surplus here, by what the market or else its exchange has taught; the whole value while both know too little.
 * @param floorNanos the least that is accepted; a value above it is never shaded below it
 * @param hash of the auction: decides which bids probe above
 * @returns between 1 and `valueNanos`
 */
export function shadePrice(
  table: ShadingTable,
  exchange: number,
  market: number,
  valueNanos: Nanos,
  floorNanos: Nanos,
  hash: number,
): Nanos {
  const position = binPosition(valueNanos);
  const share = shareAt(table, market, position) || shareAt(table, exchange, position) || MILLION;
  const shaded = Math.floor(valueNanos * (share / MILLION));
  const least = Math.max(1, Math.min(valueNanos, Math.max(shaded, floorNanos)));
  const chance = mix32(hash ^ PROBE_SALT) >>> 0;
  if ((chance & PROBE_MASK) !== 0) return least;
  return least + Math.floor((valueNanos - least) * (chance / 0x1_0000_0000));
}

/** Notes a bid that was sent. Losses are what is left of these when the wins are taken away. */
export function noteBid(table: ShadingTable, exchange: number, market: number, priceNanos: Nanos): void {
  const bin = binOf(priceNanos);
  Atomics.add(table.bids, exchange * BINS + bin, 1);
  Atomics.add(table.bids, market * BINS + bin, 1);
}

function shareAt(table: ShadingTable, row: number, position: number): number {
  const low = Math.floor(position);
  const at = row * BINS + low;
  const below = table.offers[at]!;
  const above = low + 1 < BINS ? table.offers[at + 1]! : below;
  return below === 0 || above === 0 ? 0 : below + (above - below) * (position - low);
}
