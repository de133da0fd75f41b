/** What people read, in their own locale. Money arrives as exact integers and is rounded only here. */
const locale = typeof navigator === 'undefined' ? 'en-US' : navigator.language;
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const percentage = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 });
const wholePercent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
const changePercent = new Intl.NumberFormat(locale, {
  style: 'percent',
  maximumFractionDigits: 1,
  signDisplay: 'exceptZero',
});
const decimal = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const moneyFormats = new Map<string, Intl.NumberFormat>();

function moneyFormat(currency: string | null, digits: number): Intl.NumberFormat {
  const key = `${currency}${digits}`;
  let found = moneyFormats.get(key);
  if (found === undefined) {
    found = new Intl.NumberFormat(locale, {
      ...(currency === null ? {} : { style: 'currency', currency }),
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    moneyFormats.set(key, found);
  }
  return found;
}

/** Nanos as money, without a sign when the currency is not known; amounts under 100 keep cents, those under one cent keep four digits. */
export function money(nanos: string | bigint, currency: string | null): string {
  const units = Number(BigInt(nanos)) / 1e9;
  const small = Math.abs(units) > 0 && Math.abs(units) < 0.01;
  return moneyFormat(currency, small ? 4 : 2).format(units);
}

export function moneyOfUnits(units: number | null, currency: string | null): string {
  return units === null || !Number.isFinite(units) ? '–' : moneyFormat(currency, 2).format(units);
}

export function count(value: number): string {
  return whole.format(value);
}

/** `one minute`, `1,200 minutes` */
export function plural(n: number, unit: string): string {
  return n === 1 ? `one ${unit}` : `${count(n)} ${unit}s`;
}

export function percent(numerator: number, denominator: number): string {
  return denominator === 0 ? '–' : percentage.format(numerator / denominator);
}

/** `+12.5%`, `−3.2%`, `0%`: a change, with its sign. */
export function signedPercent(ratio: number): string {
  return changePercent.format(ratio);
}

export function share(value: number): string {
  return wholePercent.format(value);
}

/** Price of a thousand impressions. */
export function ecpm(nanos: string | bigint, impressions: number, currency: string): string {
  return impressions === 0 ? '–' : moneyOfUnits(Number(BigInt(nanos)) / 1e6 / impressions, currency);
}

/** A ratio of two exact totals as a JS number, for bars and badges. */
export function ratio(part: string | bigint, all: string | bigint): number {
  const whole = BigInt(all);
  return whole === 0n ? 0 : Number((BigInt(part) * 1_000_000n) / whole) / 1_000_000;
}

/** A plain number with two decimals. */
export function decimals(value: number): string {
  return decimal.format(value);
}

/** `1.2 MB` */
export function megabytes(bytes: number): string {
  const unit = { style: 'unit', unit: bytes < 1e6 ? 'kilobyte' : 'megabyte', maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(locale, unit).format(bytes < 1e6 ? Math.ceil(bytes / 1000) : bytes / 1e6);
}

const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** `1.2 GB`, with the unit that suits. */
export function bytesOf(bytes: number): string {
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const style = { style: 'unit', unit: units[step]!, unitDisplay: 'short', maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(locale, style).format(bytes / 1000 ** step);
}

let homeZone: string | undefined;

/** The zone of times that say no other: an advertiser's own. null: the browser's. */
export function setHomeZone(timeZone: string | null): void {
  homeZone = timeZone ?? undefined;
}

function zoneOf(timeZone: string | undefined): { timeZone?: string } {
  const zone = timeZone ?? homeZone;
  return zone === undefined ? {} : { timeZone: zone };
}

/** The zone that times are told in which say no other. */
export function zoneName(): string {
  return homeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

export function clockTime(atMs: number, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit', ...zoneOf(timeZone) }).format(atMs);
}

export function dateTime(atMs: number, timeZone?: string): string {
  const style = { dateStyle: 'medium', timeStyle: 'short' } as const;
  return new Intl.DateTimeFormat(locale, { ...style, ...zoneOf(timeZone) }).format(atMs);
}

export function date(atMs: number, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', ...zoneOf(timeZone) }).format(atMs);
}
