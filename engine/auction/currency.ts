import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import { forms } from '../request/textcache.ts';

const REQ = shapes.REQUEST.f;
const DEFAULT = 'USD';

/** What one unit of a currency is worth in US dollars. */
export type Rates = ReadonlyMap<string, number>;

/** The currency of the response: the first accepted one (`cur`) that we know; null when we know none of them. */
export function responseCurrency(scan: RequestScan, rates: Rates): string | null {
  const first = scan.first(scan.root, REQ.cur);
  if (first === 0) return DEFAULT;
  for (let item = first; item !== 0; item = scan.next(item)) {
    const currency = scan.itemCached(item, forms.upperCase).text;
    if (rates.has(currency)) return currency;
  }
  return null;
}

/** The rate of a currency named in a request, where none means US dollars; NaN when we do not know it. */
export function rateOf(rates: Rates, currency: string): number {
  const known = rates.get(currency);
  if (known !== undefined) return known;
  return rates.get(currency === '' ? DEFAULT : currency.trim().toUpperCase()) ?? Number.NaN;
}
