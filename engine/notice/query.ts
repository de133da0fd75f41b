import { cpmToNanos, type Nanos } from '../../core/money.ts';

/** The first value of a query parameter, decoded; null when absent. Text that can not be decoded is taken as it is. */
export function queryValue(query: string, name: string): string | null {
  let at = 0;
  while (at <= query.length) {
    let end = query.indexOf('&', at);
    if (end < 0) end = query.length;
    const mark = query.indexOf('=', at);
    const nameEnd = mark >= 0 && mark < end ? mark : end;
    if (query.slice(at, nameEnd) === name) return decode(query.slice(Math.min(nameEnd + 1, end), end));
    at = end + 1;
  }
  return null;
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** A plain CPM; null when it is missing, is still a macro, or is no price. */
export function plainPrice(text: string | null): Nanos | null {
  return text === null ? null : cpmToNanos(text.trim());
}

/** A non-negative integer up to `max`; null otherwise. */
export function queryInteger(text: string | null, max: number): number | null {
  if (text === null || !/^\d{1,15}$/.test(text)) return null;
  const value = Number(text);
  return value <= max ? value : null;
}
