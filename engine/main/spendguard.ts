import type { Nanos } from '../../core/money.ts';
import { bidIdWords, createRecentIds } from '../users/recentids.ts';

/** Watches how fast every account is billed, over all bidders: what a wrong bid or a wrong price would cost by the hour. */
export interface SpendGuard {
  /** A verified billing event, also a repeated one. */
  billed(advertiserId: number, bidId: string, nanos: Nanos, atMs: number): void;
  /** The accounts that were billed the limit or more within the minute before, ascending. */
  limited(nowMs: number): readonly number[];
  /** @param nanos of the account's currency in a minute; 0: no limit */
  setLimit(nanos: Nanos): void;
}

const SECONDS = 60;

interface Account {
  /** Nanos billed by second, in a ring; `seconds` says which second a place stands for. */
  readonly nanos: Float64Array;
  readonly seconds: Float64Array;
}

/** @param recentBids bids whose repeated notice is recognised, at least: a replayed notice must not stop an account */
export function createSpendGuard(limitNanos: Nanos, recentBids = 100_000): SpendGuard {
  const accounts = new Map<number, Account>();
  const words = new Int32Array(2);
  let recent: ReturnType<typeof createRecentIds> | null = null;
  let limit = limitNanos;

  function spent(account: Account, second: number): number {
    let sum = 0;
    for (let i = 0; i < SECONDS; i++) if (account.seconds[i]! > second - SECONDS) sum += account.nanos[i]!;
    return sum;
  }

  return {
    billed(advertiserId, bidId, nanos, atMs) {
      if (limit === 0) return;
      bidIdWords(bidId, words);
      recent ??= createRecentIds(recentBids);
      if (!recent.add(words[0]!, words[1]!)) return;
      let account = accounts.get(advertiserId);
      if (account === undefined) {
        account = { nanos: new Float64Array(SECONDS), seconds: new Float64Array(SECONDS) };
        accounts.set(advertiserId, account);
      }
      const second = Math.floor(atMs / 1000);
      const place = second % SECONDS;
      if (account.seconds[place]! > second) return;
      if (account.seconds[place] !== second) {
        account.seconds[place] = second;
        account.nanos[place] = 0;
      }
      account.nanos[place] = account.nanos[place]! + nanos;
    },
    limited(nowMs) {
      const second = Math.floor(nowMs / 1000);
      const found: number[] = [];
      for (const [advertiserId, account] of accounts) {
        const sum = spent(account, second);
        if (sum === 0) accounts.delete(advertiserId);
        else if (limit > 0 && sum >= limit) found.push(advertiserId);
      }
      return found.sort((a, b) => a - b);
    },
    setLimit(nanos) {
      limit = nanos;
    },
  };
}
