import type { Measured } from './data.ts';
import { signedPercent } from './format.ts';

/**
 * How far a measure is from that of the period before, as `+12.5%` in the reader's locale; `new` when there was nothing
 * before, '' when there is nothing to compare.
 */
export function change(now: Measured | undefined, before: Measured | undefined): string {
  const [a, b] = [Number(now ?? 0), Number(before ?? 0)];
  if (!Number.isFinite(a) || !Number.isFinite(b)) return '';
  if (b === 0) return a === 0 ? '' : 'new';
  return signedPercent((a - b) / Math.abs(b));
}
