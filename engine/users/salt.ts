import { createHmac } from 'node:crypto';
import type { BidderConfig } from '../config.ts';

/** The salt of user hashes: as configured, or derived from the signing key so that a bare start has a secret one. */
export function userSaltOf(config: Pick<BidderConfig, 'tokenKeys' | 'users'>): string {
  if (config.users.salt !== '') return config.users.salt;
  const secret = config.tokenKeys[0]?.secret ?? new Uint8Array();
  return createHmac('sha256', secret).update('user salt').digest('hex');
}
