import { expect, it } from 'vitest';
import { billOf } from './billing.ts';

const token = { billingEvent: 'bill', capNanos: 1000, test: false } as const;

it('bills the clearing price of the billing event, once and never over the cap', () => {
  expect(billOf(token, { type: 'bill', priceNanos: 700 })).toEqual({ billing: true, nanos: 700, note: '' });
  expect(billOf(token, { type: 'bill', priceNanos: 0 })).toEqual({ billing: true, nanos: 0, note: '' });
  expect(billOf(token, { type: 'bill', priceNanos: 1001 })).toEqual({ billing: true, nanos: 1000, note: 'over_cap' });
  expect(billOf(token, { type: 'win', priceNanos: 700 })).toMatchObject({ billing: false, nanos: 0 });
});

it('bills the cap when the notice brought no price', () => {
  expect(billOf(token, { type: 'bill', priceNanos: null })).toMatchObject({ nanos: 1000, note: 'price_missing' });
});

it('never bills a test bid', () => {
  expect(billOf({ ...token, test: true }, { type: 'bill', priceNanos: 5 })).toMatchObject({ billing: false, nanos: 0 });
});
