import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CreditBank, createNodeLedger, type NodeLedger, type NodeLedgerOptions } from './ledger.ts';
import { seededRandom } from './random.ts';
import type { PacingMessage } from './topics.ts';

const NODE = '0000000a';
const DAY = Date.parse('2026-11-22T00:00:00Z');
const CELLS = ['account:1:lifetime', 'campaign:1:2026-11-22', 'line_item:1:2026-11-22'] as const;

interface ArrayBank extends CreditBank {
  readonly credit: bigint[];
  readonly windows: (readonly [number, number])[];
  /** What a bid thread does: all or nothing. */
  take(slots: readonly number[], nanos: bigint, nowMs: number): boolean;
}

function arrayBank(): ArrayBank {
  const credit: bigint[] = [];
  const windows: (readonly [number, number])[] = [];
  return {
    credit,
    windows,
    add(slot, delta) {
      credit[slot] = (credit[slot] ?? 0n) + delta;
    },
    setWindow(slot, from, until) {
      windows[slot] = [from, until];
    },
    take(slots, nanos, nowMs) {
      const open = slots.every((slot) => {
        const [from, until] = windows[slot] ?? [0, 0];
        return slot >= 0 && nowMs >= from && nowMs < until && (credit[slot] ?? 0n) >= nanos;
      });
      if (open) for (const slot of slots) credit[slot] = credit[slot]! - nanos;
      return open;
    },
  };
}

function setup(options: Partial<NodeLedgerOptions> = {}): { ledger: NodeLedger; bank: ArrayBank } {
  const bank = arrayBank();
  const ledger = createNodeLedger({
    node: NODE,
    bank,
    mode: 'standard',
    releaseAfterMs: 30_000,
    tokenLifetimeMs: 600_000,
    maxReservations: 1000,
    maxCells: 16,
    ...options,
  });
  return { ledger, bank };
}

function grants(
  sequence: number,
  nanos: bigint,
  { epoch = 1, cells = CELLS as readonly string[], untilMs = DAY + 90_000_000, owner = 'campaign:1' } = {},
): PacingMessage {
  const granted = cells.map((cell) => ({
    cell,
    node: NODE,
    grantedNanos: nanos.toString(),
    fromMs: DAY - 3_600_000,
    untilMs,
  }));
  return { v: 1, owner, epoch, sequence, issuedMs: DAY, grants: granted, lineItems: [] };
}

function use(ledger: NodeLedger, cell: string = CELLS[0]): { confirmed: bigint; reserved: bigint } {
  const found = ledger.uses().find((one) => one.cell === cell);
  return { confirmed: BigInt(found?.confirmedNanos ?? 0), reserved: BigInt(found?.reservedNanos ?? 0) };
}

describe('the ledger of a node', () => {
  it('takes its own grants and no others, and a repeated or older message changes nothing', () => {
    const { ledger, bank } = setup();
    ledger.applyPacing(grants(2, 100n));
    ledger.applyPacing(grants(2, 100n));
    ledger.applyPacing(grants(1, 500n));
    const other = grants(3, 900n);
    ledger.applyPacing({ ...other, grants: other.grants.map((grant) => ({ ...grant, node: '0000000b' })) });
    expect(bank.credit).toEqual([100n, 100n, 100n]);
    ledger.applyPacing(grants(0, 150n, { epoch: 2 }));
    ledger.applyPacing(grants(9, 999n, { epoch: 1 }));
    expect(bank.credit).toEqual([150n, 150n, 150n]);
    expect(ledger.counters().staleMessages).toBe(3);
  });

  it('gives back what a bill did not use, and all of a lost bid', () => {
    const { ledger, bank } = setup();
    ledger.applyPacing(grants(1, 100n));
    const slots = CELLS.map((cell) => ledger.slotOf(cell));
    bank.take(slots, 60n, DAY);
    ledger.reserved('a', slots, 60n, DAY);
    expect(use(ledger)).toEqual({ confirmed: 0n, reserved: 60n });
    expect(ledger.settle('a', { billedNanos: 25n })).toBe('billed');
    expect(ledger.settle('a', { billedNanos: 25n })).toBe('duplicate');
    expect(ledger.settle('a', 'released')).toBe('duplicate');
    expect(use(ledger)).toEqual({ confirmed: 25n, reserved: 0n });
    expect(bank.credit).toEqual([75n, 75n, 75n]);
    bank.take(slots, 75n, DAY);
    ledger.reserved('b', slots, 75n, DAY);
    expect(ledger.settle('b', 'released')).toBe('released');
    expect(bank.credit).toEqual([75n, 75n, 75n]);
  });

  it('bills a price above the cap at the cap', () => {
    const { ledger, bank } = setup();
    ledger.applyPacing(grants(1, 100n));
    bank.take([0], 60n, DAY);
    ledger.reserved('a', [0], 60n, DAY);
    ledger.settle('a', { billedNanos: 1000n });
    expect(use(ledger)).toEqual({ confirmed: 60n, reserved: 0n });
  });

  it('releases on time-out in standard mode and confirms and counts a late bill all the same', () => {
    const { ledger, bank } = setup();
    ledger.applyPacing(grants(1, 100n));
    bank.take([0], 100n, DAY);
    ledger.reserved('a', [0], 100n, DAY);
    expect(ledger.expire(DAY + 29_999)).toBe(0);
    expect(ledger.expire(DAY + 40_000, DAY + 20_000), 'not on a log that was not read').toBe(0);
    expect(ledger.expire(DAY + 31_000)).toBe(1);
    bank.take([0], 80n, DAY + 31_000);
    ledger.reserved('b', [0], 80n, DAY + 31_000);
    expect(ledger.settle('a', { billedNanos: 90n })).toBe('late');
    expect(ledger.settle('a', { billedNanos: 90n })).toBe('duplicate');
    expect(use(ledger)).toEqual({ confirmed: 90n, reserved: 80n });
    expect(bank.credit[0]).toBe(-70n);
    expect(ledger.counters()).toMatchObject({ lateBills: 1, lateNanos: 90n, overNanos: 70n, timeouts: 1 });
  });

  it('takes the time-out of an exchange where one is given', () => {
    const { ledger } = setup();
    ledger.applyPacing(grants(1, 100n));
    ledger.reserved('slow', [0], 10n, DAY, 120_000);
    ledger.reserved('fast', [0], 10n, DAY, 5_000);
    expect(ledger.expire(DAY + 6_000)).toBe(1);
    expect(ledger.expire(DAY + 100_000)).toBe(0);
    expect(ledger.expire(DAY + 121_000)).toBe(1);
  });

  it('releases nothing without proof in strict mode', () => {
    const { ledger } = setup({ mode: 'strict' });
    ledger.applyPacing(grants(1, 100n));
    ledger.reserved('a', [0], 60n, DAY, 1000);
    ledger.reserved('b', [0], 40n, DAY, 1000);
    ledger.settle('b', 'released');
    expect(ledger.expire(DAY + 601_000)).toBe(0);
    expect(use(ledger)).toEqual({ confirmed: 0n, reserved: 60n });
    expect(ledger.counters()).toMatchObject({ unproven: 1, openReservations: 0 });
  });

  it('keeps an outcome that arrives before its reservation', () => {
    const { ledger, bank } = setup();
    ledger.applyPacing(grants(1, 100n));
    expect(ledger.settle('a', { billedNanos: 40n })).toBe('early');
    expect(ledger.settle('a', 'released')).toBe('duplicate');
    bank.take([0], 50n, DAY);
    ledger.reserved('a', [0], 50n, DAY);
    expect(use(ledger)).toEqual({ confirmed: 40n, reserved: 0n });
    expect(bank.credit[0]).toBe(60n);
  });

  it('charges in full what it has no room to follow', () => {
    const { ledger, bank } = setup({ maxReservations: 1 });
    ledger.applyPacing(grants(1, 100n));
    for (const bid of ['a', 'b']) {
      bank.take([0], 10n, DAY);
      ledger.reserved(bid, [0], 10n, DAY);
    }
    expect(use(ledger)).toEqual({ confirmed: 10n, reserved: 10n });
    expect(ledger.counters().untracked).toBe(1);
    ledger.settle('a', 'released');
    ledger.reserved('c', [0], 10n, DAY);
    expect(ledger.counters()).toMatchObject({ untracked: 1, forgotten: 1, openReservations: 1 });
  });

  it('refuses cells past its limit and gives the slot of a day that is over to another', () => {
    const { ledger, bank } = setup({ maxCells: 2 });
    ledger.applyPacing(grants(1, 100n));
    expect(CELLS.map((cell) => ledger.slotOf(cell))).toEqual([0, 1, -1]);
    const over = DAY + 86_400_000 + 12 * 3_600_000 + 600_000;
    ledger.expire(over - 120_000);
    expect(ledger.slotOf('campaign:1:2026-11-24')).toBe(-1);
    ledger.expire(over);
    expect(bank.credit).toEqual([100n, 0n]);
    expect(ledger.slotOf('campaign:1:2026-11-24')).toBe(1);
    expect(ledger.slotOf('campaign:1:2026-11-22'), 'a retired cell must not start afresh').toBe(-1);
  });

  it('reports what changed at once and the rest in turn', () => {
    const { ledger } = setup();
    ledger.applyPacing(grants(1, 100n, { untilMs: DAY + 5000 }));
    expect(ledger.dueUses(DAY)).toHaveLength(3);
    ledger.reserved('a', [1], 10n, DAY);
    expect(ledger.dueUses(DAY).map((one) => one.cell)).toContain(CELLS[1]);
    expect(ledger.dueUses(DAY + 5000), 'an ended window').toHaveLength(3);
    const names = new Set(Array.from({ length: 10 }, () => ledger.dueUses(DAY + 6000).map((one) => one.cell)).flat());
    expect(names.size).toBe(3);
  });
});

type Step =
  | { do: 'grant'; sequence: number }
  | { do: 'bid'; bid: number; nanos: number; path: number }
  | { do: 'settle'; bid: number; nanos: number | null }
  | { do: 'wait'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('grant' as const), sequence: fc.nat(20) }),
  fc.record({
    do: fc.constant('bid' as const),
    bid: fc.nat(40),
    nanos: fc.integer({ min: 1, max: 60 }),
    path: fc.nat(2),
  }),
  fc.record({
    do: fc.constant('settle' as const),
    bid: fc.nat(40),
    nanos: fc.option(fc.nat(80), { nil: null }),
  }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(500, 10_000, 40_000, 700_000) }),
);

describe.each(['standard', 'strict'] as const)('any interleaving in %s mode', (mode) => {
  it('keeps confirmed + reserved within the grant, and the bank equal to what is left', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120, size: 'max' }),
        fc.constantFrom(4, 1000),
        fc.boolean(),
        (steps, maxReservations, knows) => {
          const { ledger, bank } = setup({ mode, maxReservations });
          let nowMs = DAY;
          let granted = 0n;
          let best = -1;
          const bids = new Set<number>();
          if (knows) learn(ledger, bank);
          for (const one of steps) {
            // Grants arrive in any order, again and again, with gaps; a later one is never smaller.
            if (one.do === 'grant') {
              ledger.applyPacing(grants(one.sequence, BigInt(one.sequence * 25)));
              best = Math.max(best, one.sequence);
              granted = BigInt(Math.max(0, best) * 25);
            }
            if (one.do === 'bid' && !bids.has(one.bid)) {
              const slots = CELLS.slice(0, one.path + 1).map((cell) => ledger.slotOf(cell));
              if (bank.take(slots, BigInt(one.nanos), nowMs)) {
                bids.add(one.bid);
                ledger.reserved(`bid${one.bid}`, slots, BigInt(one.nanos), nowMs);
              }
            }
            if (one.do === 'settle')
              // A token that has expired never bills: such an event does not reach the ledger.
              ledger.settle(`bid${one.bid}`, one.nanos === null ? 'released' : { billedNanos: BigInt(one.nanos) });
            if (one.do === 'wait') {
              nowMs += one.ms;
              ledger.expire(nowMs);
            }
            const { overNanos } = ledger.counters();
            for (const { cell, confirmedNanos, reservedNanos, presumedNanos = '0' } of ledger.uses()) {
              if (cell === LEARNED_CELL) continue;
              expect(BigInt(presumedNanos) >= 0n && BigInt(presumedNanos) <= BigInt(reservedNanos)).toBe(true);
              if (mode === 'strict') expect(presumedNanos).toBe('0');
              const used = BigInt(confirmedNanos) + BigInt(reservedNanos);
              expect(BigInt(reservedNanos) >= 0n).toBe(true);
              expect(used <= granted + overNanos, `${cell}: ${used} of ${granted}`).toBe(true);
              expect(bank.credit[ledger.slotOf(cell)] ?? 0n).toBe(granted - used);
            }
            if (ledger.counters().lateBills === 0) expect(overNanos).toBe(0n);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** So many notices in a cell of its own, half of them of wins at half the bid, that more is presumed of silent bids. */
function learn(ledger: NodeLedger, bank: ArrayBank): void {
  ledger.applyPacing(grants(1, 1000n, { cells: [LEARNED_CELL], owner: 'campaign:9' }));
  const slots = [ledger.slotOf(LEARNED_CELL)];
  for (let at = 0; at < 40; at++) {
    bank.take(slots, 20n, DAY);
    ledger.reserved(`learn${at}`, slots, 20n, DAY);
    ledger.settle(`learn${at}`, at % 2 === 0 ? { billedNanos: 10n } : 'released');
  }
}
const LEARNED_CELL = 'campaign:9:2026-11-22';

describe('bids nobody told of', () => {
  const bid = fc.record({
    nanos: fc.integer({ min: 10, max: 60 }),
    won: fc.boolean(),
    lost: fc.boolean(),
  });

  it('hold what they probably cost until a notice comes after all, and are billed what they did cost', () => {
    fc.assert(
      fc.property(fc.array(bid, { minLength: 100, maxLength: 200, size: 'max' }), (bids) => {
        const { ledger, bank } = setup({ maxReservations: 10_000 });
        ledger.applyPacing(grants(1, 100_000n));
        const slots = CELLS.map((cell) => ledger.slotOf(cell));
        let billed = 0n;
        const tell = (at: number): void => {
          const { nanos, won } = bids[at]!;
          ledger.settle(`bid${at}`, won ? { billedNanos: BigInt(nanos >> 1) } : 'released');
          if (won) billed += BigInt(nanos >> 1);
        };
        const isLost = (at: number): boolean => bids[at]!.lost && at % 5 === 0;
        bids.forEach(({ nanos }, at) => {
          bank.take(slots, BigInt(nanos), DAY);
          ledger.reserved(`bid${at}`, slots, BigInt(nanos), DAY);
          if (!isLost(at)) tell(at);
        });
        const silent = bids.filter((_, at) => isLost(at)).reduce((sum, one) => sum + one.nanos, 0);
        ledger.expire(DAY + 31_000);
        const { confirmed, reserved } = use(ledger);
        expect(confirmed).toBe(billed);
        expect(ledger.counters().presumedNanos).toBe(reserved);
        expect(reserved <= BigInt(Math.ceil(silent / 2)), 'never more than the dearest a win can have cost').toBe(true);
        if (bids.some((one, at) => one.won && !isLost(at))) expect(reserved > 0n).toBe(silent > 0);
        bids.forEach((_, at) => {
          if (isLost(at)) tell(at);
        });
        expect(use(ledger)).toEqual({ confirmed: billed, reserved: 0n });
        expect(ledger.counters().presumedNanos).toBe(0n);
        expect(bank.credit[0]).toBe(100_000n - billed);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['of an exchange that tells of wins alone', 0.1, 0],
    ['when most bids stay without a notice', 0.1, 0.1],
  ])('cost nothing %s', (_, wins, lossesTold) => {
    const { ledger } = setup({ maxReservations: 100_000 });
    const random = seededRandom(6);
    for (let at = 0; at < 4000; at++) {
      ledger.reserved(`bid${at}`, [0], 1000n, DAY);
      if (random.next() < wins) ledger.settle(`bid${at}`, { billedNanos: 500n }, 'quiet');
      else if (random.next() < lossesTold) ledger.settle(`bid${at}`, 'released', 'quiet');
    }
    ledger.expire(DAY + 31_000);
    expect(ledger.counters().timeouts).toBeGreaterThan(3000);
    expect(ledger.counters().presumedNanos).toBe(0n);
  });
});

describe('strict mode', () => {
  it('never goes over, whatever bills while its token lives', () => {
    const bid = fc.record({
      nanos: fc.integer({ min: 1, max: 60 }),
      billAfterMs: fc.option(fc.integer({ min: 0, max: 599_000 }), { nil: null }),
      startMs: fc.integer({ min: 0, max: 3_000_000 }),
    });
    fc.assert(
      fc.property(fc.array(bid, { maxLength: 60, size: 'max' }), fc.integer({ min: 0, max: 600 }), (bids, granted) => {
        const { ledger, bank } = setup({ mode: 'strict' });
        ledger.applyPacing(grants(1, BigInt(granted)));
        const slot = ledger.slotOf(CELLS[0]);
        const todo = bids.flatMap((one, at) => [
          { atMs: one.startMs, at, bill: false },
          ...(one.billAfterMs === null ? [] : [{ atMs: one.startMs + one.billAfterMs, at, bill: true }]),
        ]);
        const made = new Set<number>();
        let delivered = 0n;
        for (const { atMs, at, bill } of todo.sort((a, b) => a.atMs - b.atMs)) {
          ledger.expire(DAY + atMs);
          const nanos = BigInt(bids[at]!.nanos);
          if (bill && made.has(at)) {
            ledger.settle(`bid${at}`, { billedNanos: nanos });
            delivered += nanos;
          } else if (!bill && bank.take([slot], nanos, DAY + atMs)) {
            made.add(at);
            ledger.reserved(`bid${at}`, [slot], nanos, DAY + atMs);
          }
          expect(delivered <= BigInt(granted)).toBe(true);
          expect(use(ledger).confirmed).toBe(delivered);
        }
        expect(ledger.counters().overNanos).toBe(0n);
      }),
      { numRuns: 60 },
    );
  });
});
