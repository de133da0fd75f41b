import { billOf } from '../../core/billing.ts';
import { loggedEventSchema } from '../../core/event.ts';
import type { LogRecord } from '../../core/eventlog.ts';
import type { NodeLedger } from '../../core/ledger.ts';
import { readToken, type TokenKey } from '../../core/token.ts';
import type { ReleaseTimes } from './releasetimes.ts';

export interface SettlerOptions {
  readonly ledger: NodeLedger;
  /** This node: only its bids are settled here. */
  readonly node: string;
  readonly tokenKeys: readonly TokenKey[];
  readonly tokenLifetimeMs: number;
  /** Told how late each notice is. */
  readonly releaseTimes: ReleaseTimes;
}

/** Settles this node's bids from events, by whichever process they were received. */
export function createSettler(options: SettlerOptions): (records: readonly LogRecord[]) => void {
  const { ledger, node, tokenKeys, tokenLifetimeMs, releaseTimes } = options;
  return (records) => {
    for (const { key, value } of records) if (value !== null && key.startsWith(node)) settle(value);
  };

  function settle(value: Buffer): void {
    const event = readEvent(value);
    if (event === null) return;
    const token = readToken(event.token, tokenKeys);
    if (typeof token === 'string') return;
    if (event.type === 'loss') {
      releaseTimes.seen(token.exchange, token.bidAtMs, event.atMs);
      ledger.settle(token.bidId, 'released', token.exchange);
      return;
    }
    // Ingest does not count what comes after the token's life; the ledger has released it by then.
    if (event.atMs - token.bidAtMs > tokenLifetimeMs) return;
    const bill = billOf(token, event);
    if (!bill.billing) return;
    releaseTimes.seen(token.exchange, token.bidAtMs, event.atMs);
    ledger.settle(token.bidId, { billedNanos: BigInt(bill.nanos) }, token.exchange);
  }
}

function readEvent(value: Buffer) {
  try {
    const parsed = loggedEventSchema.safeParse(JSON.parse(value.toString('utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
