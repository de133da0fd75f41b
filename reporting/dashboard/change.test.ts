import { describe, expect, it } from 'vitest';
import { change } from './src/change.ts';

describe('a measure beside that of the period before', () => {
  it('says how far it moved, with its sign', () => {
    expect(change(112, 100)).toBe('+12%');
    expect(change(99.5, 100)).toBe('-0.5%');
    expect(change(0, 40)).toBe('-100%');
    expect(change(7, 7)).toBe('0%');
    expect(change(0.03, 0.02)).toBe('+50%');
  });

  it('takes money as the exact integers it comes in', () => {
    expect(change('123456789012345678900', '246913578024691357800')).toBe('-50%');
  });

  it('says what is new, and nothing where there is nothing to compare', () => {
    expect([change(5, 0), change(5, undefined), change('5', null)]).toEqual(['new', 'new', 'new']);
    expect([change(0, 0), change(null, null), change(undefined, undefined), change('x', 3)]).toEqual(['', '', '', '']);
  });

  it('gives no sign to what hardly moved', () => {
    expect(change(99_999, 100_000)).toBe('0%');
  });
});
