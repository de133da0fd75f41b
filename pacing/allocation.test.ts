import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNodeLedger, type NodeLedger } from '../core/ledger.ts';
import { seededRandom } from '../core/random.ts';
import type { CellUse, Grant, PacingMessage } from '../core/topics.ts';
import { type Allocation, createAllocation, GONE } from './allocation.ts';

const CELL = 'campaign:1:lifetime';
const BUDGET = 1000n;
const TOKEN_MS = 20_000;
const SKEW_MS = 500;
const options = { skewMs: SKEW_MS, resolveAfterMs: TOKEN_MS };

function use(confirmed: number, reserved: number): CellUse[] {
  return [{ cell: CELL, confirmedNanos: String(confirmed), reservedNanos: String(reserved) }];
}

function withBudget(nanos: bigint): Allocation {
  const allocation = createAllocation(options);
  allocation.setBudget(CELL, nanos);
  return allocation;
}

describe('allocation', () => {
  it('never hands out more than the budget', () => {
    const allocation = withBudget(100n);
    expect(allocation.grant(CELL, 'a', 70n, 0, 10_000)).toBe(70n);
    expect(allocation.grant(CELL, 'b', 70n, 0, 10_000)).toBe(30n);
  });

  it('takes a lease back only when a report made after its window proves it unused', () => {
    const allocation = withBudget(100n);
    allocation.grant(CELL, 'a', 100n, 0, 10_000);
    allocation.grant(CELL, 'a', 20n, 0, 12_000);
    allocation.report('a', 10_400, use(15, 0));
    expect(allocation.grant(CELL, 'b', 100n, 0, 20_000), 'the clock margin has not passed').toBe(0n);
    allocation.report('a', 10_501, use(15, 0));
    expect(allocation.grant(CELL, 'b', 100n, 0, 20_000)).toBe(80n);
    allocation.report('a', 9_000, use(0, 0));
    expect(allocation.totals(CELL).confirmedNanos, 'an older report changes nothing').toBe(15n);
  });

  it('takes a dead node’s credit back when its bids can not bill any more and the store is complete up to then', () => {
    const allocation = withBudget(100n);
    allocation.grant(CELL, 'a', 60n, 0, 10_000);
    allocation.report('a', 1000, use(10, 20));
    allocation.stored(CELL, 'a', 25n, 9_000);
    const overMs = 10_000 + TOKEN_MS + SKEW_MS;
    allocation.resolve('a', overMs);
    expect(allocation.totals(CELL).committedNanos, 'the store is behind').toBe(60n);
    allocation.storedTo(CELL, overMs);
    allocation.resolve('a', overMs);
    expect(allocation.totals(CELL).committedNanos).toBe(25n);
    expect(allocation.grants(CELL)).toEqual([
      { cell: CELL, node: GONE, grantedNanos: '25', fromMs: 0, untilMs: overMs },
    ]);
    allocation.stored(CELL, 'a', 31n, overMs + 5);
    expect(allocation.totals(CELL).committedNanos, 'a bill later than any still counts').toBe(31n);
  });

  it('counts a node that was taken for gone once, whether its old report comes late or it comes back', () => {
    const allocation = withBudget(100n);
    allocation.grant(CELL, 'a', 60n, 0, 10_000);
    allocation.report('a', 10_600, use(25, 0));
    allocation.resolve('a', 20_000);
    expect(allocation.grant(CELL, 'b', 100n, 0, 30_000)).toBe(75n);
    allocation.report('a', 10_600, use(25, 0));
    expect(allocation.totals(CELL).committedNanos, 'a repeated report').toBe(100n);
    const next = withBudget(100n);
    for (const grant of allocation.grants(CELL)) next.restore(grant);
    next.report('a', 10_600, use(25, 0));
    expect(next.totals(CELL).committedNanos, 'the same, after a new pacer has started').toBe(100n);
    allocation.report('a', 20_001, use(25, 0));
    expect(allocation.totals(CELL).committedNanos, 'it is alive').toBe(100n);
    expect(allocation.used(CELL, 'a')).toBe(25n);
  });

  it('stops at once when the budget is lowered below what is spent', () => {
    const allocation = withBudget(100n);
    allocation.grant(CELL, 'a', 80n, 0, 10_000);
    allocation.report('a', 100, use(50, 5));
    allocation.setBudget(CELL, 40n);
    expect(allocation.grant(CELL, 'a', 80n, 0, 11_000)).toBe(40n);
  });

  it('counts what the store knows and the node has forgotten', () => {
    const allocation = withBudget(100n);
    allocation.grant(CELL, 'a', 50n, 0, 10_000);
    allocation.stored(CELL, 'a', 40n, 900);
    allocation.report('a', 1000, use(10, 5));
    expect(allocation.totals(CELL).committedNanos).toBe(75n);
    expect(allocation.grant(CELL, 'a', 500n, 0, 10_000)).toBe(75n);
  });

  it('gives a new pacer the whole picture through its own messages', () => {
    const allocation = withBudget(100n);
    allocation.grant(CELL, 'a', 60n, 0, 10_000);
    allocation.grant(CELL, 'a', 20n, 0, 12_000);
    allocation.grant(CELL, 'b', 30n, 0, 12_000);
    const next = withBudget(100n);
    for (const grant of allocation.grants(CELL)) next.restore(grant);
    expect(next.totals(CELL).committedNanos).toBe(90n);
    expect(next.grant(CELL, 'c', 100n, 0, 12_000)).toBe(10n);
  });
});

/** The whole protocol against real node ledgers, with a network and a reaper that do what they like. */
interface World {
  allocation: Allocation;
  nodes: Map<string, { ledger: NodeLedger; credit: bigint[]; window: [number, number]; alive: boolean; bids: number }>;
  nowMs: number;
  sequence: number;
  epoch: number;
  published: readonly Grant[];
  inFlight: PacingMessage[];
  reports: { node: string; toMs: number; uses: readonly CellUse[] }[];
  /** Every bid and what it cost at most, by node: the truth. */
  open: { node: string; bid: string; nanos: bigint; atMs: number }[];
  spent: Map<string, bigint>;
}

function newNode(world: World, name: string): void {
  const credit: bigint[] = [];
  const state = { credit, window: [0, 0] as [number, number], alive: true, bids: 0 };
  const ledger = createNodeLedger({
    node: name,
    bank: {
      add: (slot, delta) => {
        credit[slot] = (credit[slot] ?? 0n) + delta;
      },
      setWindow: (_slot, from, until) => {
        state.window = [from, until];
      },
    },
    mode: 'strict',
    releaseAfterMs: 0,
    tokenLifetimeMs: TOKEN_MS,
    maxReservations: 10_000,
    maxCells: 4,
  });
  world.nodes.set(name, Object.assign(state, { ledger }));
}

const actions = fc.array(
  fc.record({
    what: fc.constantFrom(
      'round',
      'bid',
      'bid',
      'bid',
      'bill',
      'lose',
      'wait',
      'report',
      'deliver',
      'kill',
      'restart',
      'store',
    ),
    who: fc.nat(3),
    size: fc.integer({ min: 1, max: 300 }),
    lost: fc.boolean(),
  }),
  { minLength: 20, maxLength: 250, size: 'max' },
);

describe('the protocol, whatever is lost, reordered or killed', () => {
  it('spends at most the budget over all nodes', () => {
    fc.assert(
      fc.property(actions, fc.nat(), (steps, seed) => {
        const random = seededRandom(seed);
        const world: World = {
          allocation: withBudget(BUDGET),
          nodes: new Map(),
          nowMs: 1_000_000,
          sequence: 0,
          epoch: 1,
          published: [],
          inFlight: [],
          reports: [],
          open: [],
          spent: new Map(),
        };
        for (let i = 0; i < 4; i++) newNode(world, `0000000${i + 1}`);
        let names = [...world.nodes.keys()];
        for (const { what, who, size, lost } of steps) {
          const name = names[who]!;
          const node = world.nodes.get(name)!;
          if (what === 'round') round(world, name, BigInt(size), lost);
          if (what === 'deliver' && world.inFlight.length > 0) {
            const at = random.nextUint32() % world.inFlight.length;
            const message = world.inFlight[at]!;
            if (lost) world.inFlight.splice(at, 1);
            node.ledger.applyPacing(message);
          }
          if (what === 'bid' && node.alive) bid(world, name, BigInt(size));
          if (what === 'bill' || what === 'lose') settle(world, random.nextUint32(), what === 'bill', size);
          if (what === 'wait') world.nowMs += size * 40;
          if (what === 'report' && node.alive) {
            node.ledger.expire(world.nowMs);
            world.reports.push({ node: name, toMs: world.nowMs, uses: node.ledger.uses() });
            const report = world.reports[random.nextUint32() % world.reports.length]!;
            if (!lost) world.allocation.report(report.node, report.toMs, report.uses);
          }
          if (what === 'store') {
            for (const [one, nanos] of world.spent) world.allocation.stored(CELL, one, nanos, world.nowMs);
            world.allocation.storedTo(CELL, world.nowMs);
            for (const [one, state] of world.nodes) if (!state.alive) world.allocation.resolve(one, world.nowMs);
          }
          if (what === 'kill') {
            node.alive = false;
            const fresh = (0x100 + world.nodes.size).toString(16).padStart(8, '0');
            newNode(world, fresh);
            names = names.map((one) => (one === name ? fresh : one));
          }
          if (what === 'restart') {
            const next = withBudget(BUDGET);
            for (const grant of world.published) next.restore(grant);
            world.allocation = next;
            world.epoch++;
            world.sequence = 0;
          }
          check(world);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function round(world: World, node: string, more: bigint, lost: boolean): void {
  const want = world.allocation.used(CELL, node) + more;
  world.allocation.grant(CELL, node, want, world.nowMs - 1000, world.nowMs + 5000);
  world.published = world.allocation.grants(CELL);
  const message: PacingMessage = {
    v: 1,
    owner: 'campaign:1',
    epoch: world.epoch,
    sequence: ++world.sequence,
    issuedMs: world.nowMs,
    grants: [...world.published],
    lineItems: [],
  };
  if (!lost) world.inFlight.push(message);
}

function bid(world: World, name: string, nanos: bigint): void {
  const node = world.nodes.get(name)!;
  const slot = node.ledger.slotOf(CELL);
  const [from, until] = node.window;
  if (world.nowMs < from || world.nowMs >= until || (node.credit[slot] ?? 0n) < nanos) return;
  node.credit[slot] = node.credit[slot]! - nanos;
  const bidId = `${name}-${node.bids++}`;
  node.ledger.reserved(bidId, [slot], nanos, world.nowMs);
  world.open.push({ node: name, bid: bidId, nanos, atMs: world.nowMs });
}

/** The exchange bills or loses a bid while its token lives; a dead node does not hear of it. */
function settle(world: World, pick: number, billed: boolean, price: number): void {
  if (world.open.length === 0) return;
  const [one] = world.open.splice(pick % world.open.length, 1);
  if (one === undefined || world.nowMs >= one.atMs + TOKEN_MS) return;
  const nanos = BigInt(price) < one.nanos ? BigInt(price) : one.nanos;
  if (billed) world.spent.set(one.node, (world.spent.get(one.node) ?? 0n) + nanos);
  const node = world.nodes.get(one.node)!;
  if (node.alive) node.ledger.settle(one.bid, billed ? { billedNanos: nanos } : 'released');
}

function check(world: World): void {
  let worst = 0n;
  for (const nanos of world.spent.values()) worst += nanos;
  for (const one of world.open) if (world.nowMs < one.atMs + TOKEN_MS) worst += one.nanos;
  expect(worst <= BUDGET, `${worst} could be spent of ${BUDGET}`).toBe(true);
  const { committedNanos } = world.allocation.totals(CELL);
  expect(committedNanos <= BUDGET, `${committedNanos} is committed`).toBe(true);
}
