import type { EventType, LoggedEvent } from '../../core/event.ts';
import { eventKey, loggedEventSchema } from '../../core/event.ts';
import type { NewRecord } from '../../core/eventlog.ts';
import { type Random, seededRandom } from '../../core/random.ts';
import { type BidToken, signToken, type TokenKey } from '../../core/token.ts';

export const testKey: TokenKey = { id: 1, secret: Buffer.from('a secret for tests only') };
export const otherKey: TokenKey = { id: 1, secret: Buffer.from('somebody else’s secret') };

/** What must be in the store when everything sent has been counted, kept apart from the product's own arithmetic. */
export interface Truth {
  sent: number;
  readonly statuses: Record<'accepted' | 'duplicate' | 'invalid' | 'quarantined', number>;
  /** `campaign/hour/type` → count and nanos of accepted events. */
  readonly cells: Map<string, { count: number; nanos: bigint }>;
}

function newTruth(): Truth {
  return { sent: 0, statuses: { accepted: 0, duplicate: 0, invalid: 0, quarantined: 0 }, cells: new Map() };
}

export interface Traffic {
  /** The records of the next `bids` bids, with everything that goes wrong in the world mixed in; truth is updated. */
  next(bids: number, nowMs: number): NewRecord[];
  readonly truth: Truth;
}

/** Shares of faulty traffic, per event. */
const DUPLICATED = 0.05;
const FORGED = 0.05;
const BROKEN = 0.01;
const DELAYED = 0.05;

const LATEST_MS = 26 * 3_600_000;
const LIFETIME_MS = 24 * 3_600_000;

/** Traffic with 5 % duplicated, 5 % forged, 5 % late (0–26 h, some of it too late) and 1 % undecodable events. */
export function createTraffic(seed: number, name: number): Traffic {
  const random = seededRandom(seed);
  const truth = newTruth();
  let counter = 0;
  return {
    truth,
    next(bids, nowMs) {
      const records: NewRecord[] = [];
      for (let i = 0; i < bids; i++) {
        const late = random.next() < DELAYED;
        const bidAtMs = nowMs - Math.floor(random.next() * (late ? LATEST_MS : 2000));
        const token = bidToken(random, name, counter++, bidAtMs);
        records.push(...eventsOf(token, random, nowMs, truth));
      }
      return shuffled(records, random);
    },
  };
}

function eventsOf(token: BidToken, random: Random, nowMs: number, truth: Truth): NewRecord[] {
  const signed = signToken(token, testKey);
  const price = Math.floor(random.next() * token.capNanos * 1.2);
  const types: EventType[] = random.next() < 0.5 ? ['loss'] : ['win', 'bill', 'impression'];
  if (types.length > 1 && random.next() < 0.1) types.push('click');
  const records: NewRecord[] = [];
  for (const type of types) {
    const event = loggedEventSchema.parse({ v: 1, type, token: signed, atMs: nowMs, priceNanos: price });
    records.push(record(event, token));
    const expired = nowMs - token.bidAtMs > LIFETIME_MS;
    if (expired) note(truth, 'invalid');
    else count(truth, token, type, Math.min(price, token.capNanos));
    const dice = random.next();
    if (dice < DUPLICATED) {
      records.push(record(event, token));
      note(truth, expired ? 'invalid' : 'duplicate');
    } else if (dice < DUPLICATED + FORGED) {
      records.push(record({ ...event, token: signToken({ ...token, capNanos: 1 }, otherKey) }, token));
      note(truth, 'invalid');
    } else if (dice < DUPLICATED + FORGED + BROKEN) {
      records.push({ key: token.bidId, value: Buffer.from([0x7b, 0xff, dice * 1e4]) });
      note(truth, 'quarantined');
    }
  }
  return records;
}

function record(event: LoggedEvent, token: BidToken): NewRecord {
  return { key: eventKey(event, token.bidId), value: Buffer.from(JSON.stringify(event)) };
}

function note(truth: Truth, status: keyof Truth['statuses']): void {
  truth.sent += 1;
  truth.statuses[status] += 1;
}

function count(truth: Truth, token: BidToken, type: EventType, price: number): void {
  note(truth, 'accepted');
  const hour = Math.floor(token.bidAtMs / 3_600_000);
  const key = `${token.campaignId}/${hour}/${type}`;
  const cell = truth.cells.get(key) ?? { count: 0, nanos: 0n };
  cell.count += 1;
  if (type === token.billingEvent) cell.nanos += BigInt(price);
  truth.cells.set(key, cell);
}

export function bidToken(random: Random, name: number, counter: number, bidAtMs: number): BidToken {
  const campaignId = 1 + Math.floor(random.next() * 5);
  return {
    bidId: `${hex(name)}${hex(0)}${hex(counter)}`,
    bidAtMs,
    capNanos: 1_000_000 + Math.floor(random.next() * 4_000_000),
    advertiserId: 1,
    campaignId,
    lineItemId: campaignId * 10,
    creativeId: campaignId * 100,
    billingEvent: (['win', 'bill', 'impression'] as const)[Math.floor(random.next() * 3)]!,
    test: false,
    user: random.next() < 0.5 ? '' : `${hex(random.nextUint32())}${hex(random.nextUint32())}`,
    exchange: 'demo',
    dealId: '',
    domain: `site${Math.floor(random.next() * 50)}.example`,
    country: random.next() < 0.5 ? 'USA' : 'DEU',
    region: '',
    os: 'ios',
    deviceType: 4,
    mtype: 1,
    w: 300,
    h: 250,
  };
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}

function shuffled<T>(list: T[], random: Random): T[] {
  // A window, not the whole: the world reorders neighbours.
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.max(0, i - Math.floor(random.next() * 8));
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}
