import type { CellUse, Grant } from '../core/topics.ts';
import { createRows, NOWHERE, type Row } from './rows.ts';

export interface Issue {
  readonly nanos: bigint;
  readonly untilMs: number;
}

/** What one bidder has of one cell. */
export interface Share extends Row<(typeof SHARE_NUMBERS)[number]> {
  readonly node: string;
  granted: bigint;
  /** `granted` as a message says it: worked out when asked for, thrown away by every change. */
  told: string | null;
  /** What was granted last may still be drawn on. */
  open: boolean;
  /** Earlier grants that may, too, in some way more than it. */
  earlier: readonly Issue[];
  confirmed: bigint;
  reserved: bigint;
  presumed: bigint;
}
/** `grantedNanos` and `usedNanos` follow `granted`, and `confirmed` with `reserved`. */
const SHARE_NUMBERS = ['fromMs', 'untilMs', 'reportedToMs', 'grantedNanos', 'usedNanos'] as const;
const shareOfNode = createRows(SHARE_NUMBERS);

const NO_ISSUES: readonly Issue[] = [];

/** @param spentNanos what is confirmed of it already */
export function createShare(node: string, spentNanos: bigint): Share {
  const share = shareOfNode({
    values: NOWHERE,
    at: 0,
    node,
    granted: 0n,
    told: null,
    open: false,
    earlier: NO_ISSUES,
    confirmed: 0n,
    reserved: 0n,
    presumed: 0n,
  });
  share.reportedToMs = Number.NEGATIVE_INFINITY;
  setUsed(share, spentNanos, 0n);
  return share;
}

/** What a share says in a message: what was issued last, and what may be drawn by earlier issues when that is more. */
export function grantOf(cell: string, share: Share): Grant {
  share.told ??= share.granted.toString();
  const { node, told: grantedNanos, fromMs, untilMs } = share;
  const told = { cell, node, grantedNanos, fromMs, untilMs };
  if (share.earlier.length === 0 && share.usedNanos < share.grantedNanos) return told;
  let held = share.confirmed + share.reserved;
  let heldUntilMs = share.untilMs;
  for (const issue of share.earlier) {
    if (issue.nanos > held) held = issue.nanos;
    if (issue.untilMs > heldUntilMs) heldUntilMs = issue.untilMs;
  }
  if (held <= share.granted && heldUntilMs <= untilMs) return told;
  return { ...told, heldNanos: held.toString(), heldUntilMs };
}

/** Everything that may still be drawn on. */
export function issuesOf({ open, earlier, granted, untilMs }: Share): readonly Issue[] {
  return open ? [...earlier, { nanos: granted, untilMs }] : earlier;
}

/** Grants as much as that, cumulative, beside what was granted earlier. */
export function issue(share: Share, nanos: bigint, fromMs: number, untilMs: number, earlier: readonly Issue[]): void {
  share.earlier = earlier.length === 0 ? NO_ISSUES : earlier;
  setGranted(share, nanos);
  share.fromMs = fromMs;
  share.untilMs = untilMs;
  share.open = true;
}

/** Takes in what a bidder has told at `toMs`: grants whose window was over then, by the clock margin, are over. */
export function takeReport(share: Share, use: CellUse, toMs: number, skewMs: number): void {
  share.reportedToMs = toMs;
  setUsed(share, BigInt(use.confirmedNanos), BigInt(use.reservedNanos));
  share.presumed = BigInt(use.presumedNanos ?? 0);
  share.open &&= share.untilMs + skewMs >= toMs;
  if (share.earlier.length > 0) share.earlier = share.earlier.filter(({ untilMs }) => untilMs + skewMs >= toMs);
  // What came back may be given to others: our own next message, from which a new pacer starts, must say so.
  if (!share.open && share.earlier.length === 0) setGranted(share, share.confirmed + share.reserved);
}

function setGranted(share: Share, nanos: bigint): void {
  share.granted = nanos;
  share.grantedNanos = Number(nanos);
  share.told = null;
}

function setUsed(share: Share, confirmed: bigint, reserved: bigint): void {
  share.confirmed = confirmed;
  share.reserved = reserved;
  share.usedNanos = Number(confirmed + reserved);
}
