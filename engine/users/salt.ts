import { createHmac } from 'node:crypto';
import type { BidderConfig } from '../config.ts';
import type { UserSalts } from '../privacy/userhash.ts';

/** The salt of user hashes: as configured, or derived from the signing key so that a bare start has a secret one. */
export function userSaltOf(config: Pick<BidderConfig, 'tokenKeys' | 'users'>): string {
  if (config.users.salt !== '') return config.users.salt;
  const secret = config.tokenKeys[0]?.secret ?? new Uint8Array();
  return createHmac('sha256', secret).update('user salt').digest('hex');
}

/** A secret that does not change, and how long each salt made of it names users. */
export interface SaltPeriods {
  readonly secret: string;
  /** ms; 0: the secret itself is the salt, for ever. */
  readonly periodMs: number;
}

/**
 * The salts of a moment. Periods are counted from the epoch, so every process with the secret and a clock turns to the
 * same salt at the same time, and an erasure can name the salts of long ago.
 */
export function saltsAt(periods: SaltPeriods, nowMs: number): UserSalts {
  const { secret, periodMs } = periods;
  if (periodMs === 0) return { current: secret, before: null };
  const period = Math.floor(nowMs / periodMs);
  return { current: saltOf(secret, period), before: saltOf(secret, period - 1) };
}

/** Every salt that named users from `sinceMs` until `nowMs`, newest first; at most `MAX_SALTS`. */
export function saltsSince(periods: SaltPeriods, sinceMs: number, nowMs: number): readonly string[] {
  const { secret, periodMs } = periods;
  if (periodMs === 0) return [secret];
  const newest = Math.floor(nowMs / periodMs);
  const count = Math.min(MAX_SALTS, newest - Math.floor(sinceMs / periodMs) + 1);
  return Array.from({ length: Math.max(1, count) }, (_, i) => saltOf(secret, newest - i));
}
const MAX_SALTS = 100;

function saltOf(secret: string, period: number): string {
  return createHmac('sha256', secret).update(`user salt of period ${period}`).digest('hex');
}
