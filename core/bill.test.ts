import { describe, expect, it } from 'vitest';
import { billed } from './bill.ts';
import type { PacingStatus } from './pacingstatus.ts';

type Level = PacingStatus['level'];
const status = (level: Level, id: number, budget: number | null, actual: number, over: number, fromMs = 10) =>
  ({
    level,
    id,
    advertiserId: 1,
    campaignId: level === 'account' ? 0 : 7,
    fromMs,
    budgetNanos: budget?.toString() ?? null,
    actualNanos: String(actual),
    overNanos: String(over),
  }) as PacingStatus;

describe('what is billed of what was delivered', () => {
  const bill = (...statuses: PacingStatus[]) =>
    billed(statuses).map(({ billedNanos, overDeliveredNanos }) => `${billedNanos} + ${overDeliveredNanos}`);

  it('is all of it within the budgets', () => {
    expect(bill(status('campaign', 7, 100, 90, 0), status('line_item', 70, 50, 50, 0))).toEqual(['90 + 0', '50 + 0']);
  });

  it('stops at the budget of the level, and leaves out what is above those below', () => {
    const items = [status('line_item', 70, 50, 60, 10), status('line_item', 71, 50, 44, 0)];
    expect(bill(status('account', 1, 1000, 104, 0), status('campaign', 7, 100, 104, 4), ...items)).toEqual([
      '94 + 10',
      '94 + 10',
      '50 + 10',
      '44 + 0',
    ]);
    expect(bill(status('campaign', 7, 80, 104, 24), ...items)[0]).toBe('80 + 24');
    expect(bill(status('account', 1, 1000, 104, 0), ...items)[0], 'a campaign without a budget').toBe('94 + 10');
  });

  it('takes nothing from a day that a longer period is above by, and says nothing where there is no budget', () => {
    expect(bill(status('campaign', 7, 100, 20, 0), status('line_item', 70, 500, 510, 10, 0))[0]).toBe('20 + 0');
    expect(bill(status('line_item', 70, null, 0, 0))).toEqual(['null + 0']);
  });
});
