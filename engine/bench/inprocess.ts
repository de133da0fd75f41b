import { systemClock } from '../../core/clock.ts';
import { blankInsight } from '../auction/insight.ts';
import { createBidIds } from '../bid/bidid.ts';
import { type BidHandlerDeps, createBidHandler } from '../bid/handler.ts';
import { Catalog } from '../catalog/catalog.ts';
import { defaultBidderConfig, defaultProfile } from '../config.ts';
import type { HttpCall } from '../http/transport.ts';
import { createSharedCredit, creditBank } from '../shared/credit.ts';
import { createCreditGate } from '../shared/creditgate.ts';
import { createSharedPace, writePace } from '../shared/pace.ts';
import { createSharedRing, readRing, ringWriter } from '../shared/ring.ts';
import { createSharedStatus, setReady } from '../shared/status.ts';
import { createCounters } from '../stats/counters.ts';
import { createCapTable } from '../users/captable.ts';
import { createShadingTable } from '../value/shading.ts';
import { createInventory } from './inventory.ts';

/** A whole bid thread but for its sockets and threads, for measuring its parts one by one. */
export interface InProcessBidder {
  readonly deps: BidHandlerDeps;
  /** Takes up a request that stands in `body`. */
  take(body: Buffer, length: number): void;
  /** Answers all that were taken up. */
  decide(): void;
  /** Empties the ring, as the main thread does. */
  drain(): void;
}

const CREDIT_NANOS = 10n ** 18n;

export function createInProcessBidder(lineItems: number): InProcessBidder {
  const { limits } = defaultBidderConfig;
  const inventory = createInventory({ seed: 1, lineItems });
  const credit = createSharedCredit(3 * lineItems + 1, systemClock.nowMs());
  const bank = creditBank(credit);
  const pace = createSharedPace(lineItems + 1);
  const sharedRing = createSharedRing(limits.ringBytes);
  const status = createSharedStatus();
  const catalog = new Catalog(() => 'https://bid.example');
  const slots = new Map(inventory.lineItems.map((lineItem, slot) => [lineItem.id, slot]));
  for (const change of inventory.changes) {
    catalog.apply({ change, slot: change.kind === 'line_item' ? slots.get(change.entity.id)! : -1 });
  }
  catalog.arrange();
  for (let cell = 0; cell < 3 * lineItems; cell++) {
    bank.setWindow(cell, 0, Number.MAX_SAFE_INTEGER);
    bank.add(cell, CREDIT_NANOS);
  }
  for (let slot = 0; slot < lineItems; slot++) {
    writePace(pace, slot, 1_000_000, 1_000_000, [3 * slot, 3 * slot + 1, 3 * slot + 2]);
  }
  setReady(status, true);
  const deps: BidHandlerDeps = {
    catalog,
    gate: createCreditGate(credit, pace),
    ring: ringWriter(sharedRing),
    counters: createCounters(),
    status,
    clock: systemClock,
    tracer: null,
    profiles: new Map([['demo', defaultProfile]]),
    signingKey: { id: 1, secret: Buffer.from('benchmark benchmark benchmark 32') },
    rates: new Map([['USD', 1]]),
    threads: 1,
    loop: { isLate: () => false, setMaxLag() {}, stop() {} },
    onDefect(error) {
      throw error;
    },
    operatorKeyHashes: [],
    insight: { ...blankInsight(), caps: createCapTable(131_072), shading: createShadingTable(4096) },
    newBidId: createBidIds(0x00c0ffee, 0),
    maxBodyBytes: limits.maxBodyBytes,
    maxLineItems: limits.maxLineItems,
    marginMs: 2,
  };
  const handler = createBidHandler(deps);
  const ringBuffer = Buffer.from(sharedRing.data);
  const call: HttpCall = {
    method: 'POST',
    path: '/openrtb2/bid/demo',
    query: '',
    header: () => '',
    remoteIp: () => '',
    send() {},
  };
  return {
    deps,
    take(body, length) {
      handler.take(call, 'demo', body, length);
    },
    decide: () => handler.decide(),
    drain() {
      readRing(sharedRing, ringBuffer, 1_000_000, () => {});
    },
  };
}
