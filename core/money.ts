/**
 * Money is an integer. A price per thousand impressions (CPM) in micros is, numerically, the price of one impression
 * in nanos: 2.50 CPM = 2,500,000 micros per thousand = 2,500,000 nanos per impression.
 *
 * `Nanos` holds the price of one event (safe up to 9,007,199 units of currency); totals are `bigint` nanos.
 * Budgets in the model are integer micros.
 */
export type Nanos = number;

const NANOS_PER_UNIT = 1_000_000_000n;
const NANOS_PER_MICRO = 1_000n;

/** The highest price of one event that is believed: 1,000 units of currency (a CPM of a million). */
export const MAX_EVENT_NANOS: Nanos = 1_000_000_000_000;

/** Budget micros to ledger nanos. */
export function microsToNanos(micros: number): bigint {
  return BigInt(micros) * NANOS_PER_MICRO;
}

/**
 * A CPM as an exchange writes it ("1.25", 1.25) to the nanos of one impression, rounded to the nearest nano.
 * @returns null when it is not a finite, non-negative decimal or exceeds MAX_EVENT_NANOS
 */
export function cpmToNanos(cpm: string | number): Nanos | null {
  const text = typeof cpm === 'number' ? cpm.toString() : cpm;
  if (!/^\d{1,12}(\.\d+)?(e-?\d{1,2})?$/i.test(text)) return null;
  const nanos = Math.round(Number(text) * 1_000_000);
  return Number.isSafeInteger(nanos) && nanos <= MAX_EVENT_NANOS ? nanos : null;
}

const LEADING_ZEROS = ['', '0', '00', '000', '0000', '00000'] as const;

/** The CPM that one impression's price stands for, as a plain decimal with at most six places and no trailing zeros. */
export function nanosToCpm(nanos: Nanos): string {
  const whole = Math.floor(nanos / 1_000_000);
  let fraction = nanos % 1_000_000;
  if (fraction === 0) return whole.toString();
  let places = 6;
  for (; fraction % 10 === 0; places--) fraction /= 10;
  const digits = fraction.toString();
  return `${whole}.${LEADING_ZEROS[places - digits.length]}${digits}`;
}

/** An exact decimal of a total, for people and for CSV: 1234500000n → "1.2345". */
export function nanosToDecimal(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const abs = nanos < 0n ? -nanos : nanos;
  const fraction = (abs % NANOS_PER_UNIT).toString().padStart(9, '0').replace(/0+$/, '');
  return `${sign}${abs / NANOS_PER_UNIT}${fraction === '' ? '' : `.${fraction}`}`;
}
