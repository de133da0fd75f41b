import { type CreditBank, createNodeLedger } from '../../core/ledger.ts';
import { seededRandom } from '../../core/random.ts';

export interface FleetOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly budgetNanos: bigint;
  readonly seconds: number;
  /** Bids a second of the whole fleet; node i gets a share that falls as 1 / (i + 1)^0.5. */
  readonly bidsPerSecond: number;
  readonly bidNanos: bigint;
  readonly winShare: number;
  /** Every so often nodes are granted more, seconds. */
  readonly grantEvery: number;
  /** Nodes that die without a word, evenly spread over the time. */
  readonly deaths: number;
}

export interface FleetOutcome {
  readonly spentNanos: bigint;
  /** Granted to nodes that died, and given to nobody else: what strict safety costs. */
  readonly strandedNanos: bigint;
  /** The most that spent + reserved ever was. */
  readonly highestNanos: bigint;
}

const CELL = 'campaign:1:lifetime';
const DELAY_SECONDS = 5;
const RELEASE_MS = 30_000;

/** One budget leased to many bidder nodes, each with the product's own ledger. Time is simulated. */
export function simulateFleet(options: FleetOptions): FleetOutcome {
  const random = seededRandom(options.seed);
  const weights = Array.from({ length: options.nodes }, (_, i) => (i + 1) ** -0.5);
  const weightSum = weights.reduce((sum, weight) => sum + weight, 0);
  const nodes = weights.map((weight, i) => createNode(i, weight / weightSum));
  let highest = 0n;
  let spent = 0n;
  let bidCount = 0;

  for (let second = 0; second < options.seconds; second++) {
    const nowMs = second * 1000;
    if (options.deaths > 0 && second % Math.ceil(options.seconds / (options.deaths + 1)) === 1 && second > 1) {
      const living = nodes.filter((node) => node.alive);
      living[Math.floor(random.next() * living.length)]!.alive = false;
    }
    if (second % options.grantEvery === 0) grant(nowMs, second / options.grantEvery);
    for (const node of nodes) if (node.alive) runNode(node, second, nowMs);
    let used = 0n;
    for (const node of nodes) used += node.usedNanos();
    if (used > highest) highest = used;
  }
  for (const node of nodes) spent += node.spentNanos;
  const stranded = nodes.reduce((sum, node) => sum + (node.alive ? 0n : node.grantedNanos - node.spentNanos), 0n);
  return { spentNanos: spent, strandedNanos: stranded, highestNanos: highest };

  /** Tops nodes up to what they will need until the next turn but one, while the sum of all grants stays in the budget. */
  function grant(nowMs: number, sequence: number): void {
    let free = options.budgetNanos - nodes.reduce((sum, node) => sum + node.grantedNanos, 0n);
    for (const node of nodes) {
      if (!node.alive) continue;
      const perTurn = Math.ceil(options.bidsPerSecond * node.share * options.grantEvery);
      const wanted = BigInt(2 * perTurn + 1) * options.bidNanos - (node.grantedNanos - node.usedNanos());
      const more = wanted < free ? wanted : free;
      if (more <= 0n) continue;
      free -= more;
      node.grantedNanos += more;
      node.ledger.applyPacing({
        v: 1,
        owner: 'campaign:1',
        epoch: 1,
        sequence,
        issuedMs: nowMs,
        lineItems: [],
        grants: [{ cell: CELL, node: node.name, grantedNanos: `${node.grantedNanos}`, fromMs: 0, untilMs: 1e12 }],
      });
    }
  }

  function runNode(node: ReturnType<typeof createNode>, second: number, nowMs: number): void {
    for (const bidId of node.won.get(second) ?? []) {
      node.ledger.settle(bidId, { billedNanos: options.bidNanos });
      node.spentNanos += options.bidNanos;
    }
    node.won.delete(second);
    node.ledger.expire(nowMs);
    const wanted = options.bidsPerSecond * node.share;
    const bids = Math.floor(wanted) + (random.next() < wanted % 1 ? 1 : 0);
    for (let i = 0; i < bids; i++) {
      if (!node.take(options.bidNanos)) continue;
      const bidId = `${node.name}${(bidCount++).toString(16).padStart(16, '0')}`;
      node.ledger.reserved(bidId, [node.ledger.slotOf(CELL)], options.bidNanos, nowMs);
      if (random.next() >= options.winShare) continue;
      const at = second + 1 + Math.floor(random.next() * DELAY_SECONDS);
      const due = node.won.get(at);
      if (due === undefined) node.won.set(at, [bidId]);
      else due.push(bidId);
    }
  }
}

function createNode(index: number, share: number) {
  const credit: bigint[] = [];
  const bank: CreditBank = {
    add(slot, delta) {
      credit[slot] = (credit[slot] ?? 0n) + delta;
    },
    setWindow() {},
  };
  const name = (index + 1).toString(16).padStart(8, '0');
  const ledger = createNodeLedger({
    node: name,
    bank,
    mode: 'standard',
    releaseAfterMs: RELEASE_MS,
    tokenLifetimeMs: 3_600_000,
    maxReservations: 100_000,
    maxCells: 4,
  });
  return {
    name,
    share,
    ledger,
    alive: true,
    grantedNanos: 0n,
    spentNanos: 0n,
    /** Bids that will be billed, by the second of their notice. */
    won: new Map<number, string[]>(),
    usedNanos: () =>
      ledger.uses().reduce((sum, use) => sum + BigInt(use.confirmedNanos) + BigInt(use.reservedNanos), 0n),
    take(nanos: bigint): boolean {
      const slot = ledger.slotOf(CELL);
      const left = credit[slot] ?? 0n;
      if (left < nanos) return false;
      credit[slot] = left - nanos;
      return true;
    },
  };
}

/**
 * How far one user is served past a cap when each node counts exactly and learns of the others' impressions late.
 * @param requests of the user, at random nodes, evenly spread over the time
 * @returns impressions shown
 */
export function simulateCap(options: {
  readonly seed: number;
  readonly nodes: number;
  readonly cap: number;
  readonly requests: number;
  readonly seconds: number;
  /** Until an impression is known everywhere. */
  readonly delaySeconds: number;
}): number {
  const random = seededRandom(options.seed);
  const shown: { readonly node: number; readonly at: number }[] = [];
  for (let i = 0; i < options.requests; i++) {
    const at = (i / options.requests) * options.seconds;
    const node = Math.floor(random.next() * options.nodes);
    const known = shown.filter((one) => one.node === node || at - one.at >= options.delaySeconds).length;
    if (known < options.cap) shown.push({ node, at });
  }
  return shown.length;
}
