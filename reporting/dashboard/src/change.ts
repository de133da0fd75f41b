import type { Measured } from './data.ts';
import { signedPercent } from './format.ts';

/** How far a measure is from that of the period before, as a ratio; Infinity when there was nothing before, null when there is nothing to compare. */
export function changeRatio(now: Measured | undefined, before: Measured | undefined): number | null {
  const [a, b] = [Number(now ?? 0), Number(before ?? 0)];
  if (!Number.isFinite(a) || !Number.isFinite(b)) return null;
  if (b === 0) return a === 0 ? null : Number.POSITIVE_INFINITY;
  return (a - b) / Math.abs(b);
}

/** The same as `+12.5%` in the reader's locale; `new` when there was nothing before, '' when there is nothing to compare. */
export function change(now: Measured | undefined, before: Measured | undefined): string {
  const ratio = changeRatio(now, before);
  if (ratio === null) return '';
  return ratio === Number.POSITIVE_INFINITY ? 'new' : signedPercent(ratio);
}
