import { expect, it } from 'vitest';
import { billed } from '../core/bill.ts';
import { advertiserSchema, campaignSchema, lineItemSchema } from '../core/campaign.ts';
import { createPacerCore } from './pacercore.ts';
import { pacerDefaults } from './pacerstate.ts';
import { createSimNode, report } from './sim/simnode.ts';

const START = Date.parse('2026-11-24T00:00:00Z');
const BUDGET = 1_000_000_000n;
const BID = 20_000_000;

/** A pacer with one campaign on a daily budget that spends as soon as possible, and the bidder that bids for it. */
function oneCampaign() {
  const core = createPacerCore(pacerDefaults);
  core.change({ kind: 'advertiser', entity: advertiserSchema.parse({ id: 1, name: 'A' }) });
  const budget = { dailyMicros: Number(BUDGET / 1000n) };
  core.change({ kind: 'campaign', entity: campaignSchema.parse({ id: 10, advertiserId: 1, name: 'C', budget }) });
  const goal = { type: 'cpm', bidCpmMicros: BID };
  const item = lineItemSchema.parse({ id: 100, campaignId: 10, name: 'L', goal, pacing: 'asap' });
  core.change({ kind: 'line_item', entity: item });
  const node = createSimNode(0, 1, { mode: 'standard', releaseAfterMs: 30_000 });
  return { core, node };
}

it('a bill after its time-out raises what was delivered above the budget, never what is billed', () => {
  const { core, node } = oneCampaign();
  const late: string[] = [];
  let nowMs = START;
  let bids = 0;
  const second = (): void => {
    nowMs += 1000;
    node.ledger.expire(nowMs);
    core.stats(report(node, nowMs, false));
    for (const message of core.round(nowMs)) {
      core.acknowledge(message.owner, message.epoch);
      node.ledger.applyPacing(message);
    }
  };
  const standing = () => {
    const campaign = billed(core.status(nowMs)).find(({ level }) => level === 'campaign')!;
    return { delivered: campaign.actualNanos, billed: campaign.billedNanos, over: campaign.overDeliveredNanos };
  };
  const slot = node.ledger.slotOf('campaign:10:2026-11-24');
  const bid = (settle: (id: string) => void): void => {
    while ((node.credit[slot] ?? 0) >= BID) {
      const id = `bid${bids++}`;
      node.credit[slot]! -= BID;
      node.ledger.reserved(id, [slot], BigInt(BID), nowMs);
      settle(id);
    }
  };
  // Bids of which nothing is heard, until they time out; then others that are billed at once, to the budget.
  for (let at = 0; at < 25; at++) {
    second();
    bid((id) => late.push(id));
  }
  expect(late.length).toBeGreaterThan(0);
  for (let at = 0; at < 3600 && standing().delivered !== BUDGET.toString(); at++) {
    second();
    bid((id) => node.ledger.settle(id, { billedNanos: BigInt(BID) }));
  }
  expect(standing()).toEqual({ delivered: BUDGET.toString(), billed: BUDGET.toString(), over: '0' });
  for (const [at, id] of late.entries()) {
    expect(node.ledger.settle(id, { billedNanos: BigInt(BID) })).toBe('late');
    second();
    const over = BigInt(BID) * BigInt(at + 1);
    expect(standing()).toEqual({ delivered: `${BUDGET + over}`, billed: `${BUDGET}`, over: `${over}` });
  }
});

it('what bidders presume spent is kept out of the credit, shown and explained, and is never billed', () => {
  const { core, node } = oneCampaign();
  const cell = 'campaign:10:2026-11-24';
  let nowMs = START;
  /** One second in which the bidder tells this of the cell. */
  const tell = (confirmed: bigint, presumed: bigint): void => {
    nowMs += 1000;
    const use = {
      cell,
      confirmedNanos: `${confirmed}`,
      reservedNanos: `${presumed}`,
      ...(presumed === 0n ? {} : { presumedNanos: `${presumed}` }),
    };
    core.stats({ ...report(node, nowMs, false), cells: [use] });
    for (const message of core.round(nowMs)) core.acknowledge(message.owner, message.epoch);
  };
  const standing = () => billed(core.status(nowMs)).find(({ level }) => level === 'campaign')!;
  const credit = (): bigint => BigInt(core.allocation.share(cell, node.name)!.grantedNanos);
  for (let at = 0; at < 12; at++) tell(BUDGET / 2n, 0n);
  expect(standing().presumedNanos).toBe('0');
  expect(standing().explanation).not.toContain('set aside');
  for (let at = 0; at < 12; at++) tell(BUDGET / 2n, BUDGET / 4n);
  expect(standing()).toMatchObject({ presumedNanos: `${BUDGET / 4n}`, billedNanos: `${BUDGET / 2n}` });
  expect(standing().explanation).toContain('0.25 is set aside for wins whose notice probably got lost');
  expect(credit()).toBeGreaterThan((BUDGET * 3n) / 4n);
  expect(credit()).toBeLessThanOrEqual(BUDGET);
  // Half is confirmed and half probably spent: nothing is left to bid with, and half is billed.
  for (let at = 0; at < 12; at++) tell(BUDGET / 2n, BUDGET / 2n);
  expect(standing()).toMatchObject({ state: 'budget_spent', billedNanos: `${BUDGET / 2n}`, overDeliveredNanos: '0' });
  expect(credit()).toBeLessThanOrEqual(BUDGET);
  // The notices come after all, and half of those bids had lost: what was set aside is there again.
  for (let at = 0; at < 40; at++) tell((BUDGET * 3n) / 4n, 0n);
  expect(standing()).toMatchObject({ presumedNanos: '0', billedNanos: `${(BUDGET * 3n) / 4n}` });
  expect(standing().state).not.toBe('budget_spent');
});
