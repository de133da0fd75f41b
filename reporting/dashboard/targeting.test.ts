import { describe, expect, it } from 'vitest';
import { type Dimension, dimensions, normalTerm } from '../../core/targeting.ts';
import { targetingGroups, targetingTable } from './src/targetingtable.ts';
import {
  circlesOf,
  spelled,
  stepTerm,
  targetingPatch,
  targetingRules,
  targetingSummary,
  targetingText,
  termsOf,
  wrongTerm,
} from './src/targetingtext.ts';

describe('the targeting of the editor', () => {
  it('asks for every dimension there is, explains each, and spells its terms as bidders do', () => {
    expect(Object.keys(targetingTable).sort()).toEqual([...dimensions].sort());
    for (const [name, info] of Object.entries(targetingTable)) {
      expect(info.hint.length, name).toBeGreaterThan(10);
      expect(Object.keys(targetingGroups)).toContain(info.group);
      expect(info.typed || info.choices !== undefined, name).toBe(true);
      expect(spelled(name, ' aB ')).toBe(normalTerm(name as Dimension, ' aB '));
      for (const term of Object.keys(info.choices ?? {})) {
        expect(spelled(name, term)).toBe(term);
        expect(wrongTerm(name, term)).toBeUndefined();
      }
    }
  });

  it('reads lists as people type them', () => {
    expect(termsOf('country', 'deu, fra;USA deu')).toEqual(['DEU', 'FRA', 'USA']);
    expect(termsOf('city', 'New York,  Berlin\nparis')).toEqual(['new york', 'berlin', 'paris']);
    expect(wrongTerm('country', 'DEU, Germany')).toBe('GERMANY');
    expect(circlesOf('52.52, 13.40, 25\n\n48.1 11.6 5')).toEqual([
      { lat: 52.52, lon: 13.4, km: 25 },
      { lat: 48.1, lon: 11.6, km: 5 },
    ]);
    expect(() => circlesOf('1,2,3\n91, 0, 5')).toThrow('Line 2');
  });

  it('steps a choice from anywhere to only to never and back', () => {
    const only = stepTerm('deviceType', { include: '', exclude: '' }, '4');
    const never = stepTerm('deviceType', only, '4');
    expect([only, never, stepTerm('deviceType', never, '4')]).toEqual([
      { include: '4', exclude: '' },
      { include: '', exclude: '4' },
      { include: '', exclude: '' },
    ]);
  });

  it('gives back what it was given, and takes rules away by name', () => {
    const targeting = {
      terms: { country: { include: ['DEU'], exclude: [] }, deal: { include: ['Deal-1'], exclude: ['x'] } },
      within: [{ lat: 1, lon: 2, km: 3 }],
      dayparting: null,
    };
    const text = targetingText(targeting);
    expect(targetingRules(text)).toEqual({ terms: targeting.terms, within: targeting.within });
    const cleared = { ...text, rules: { ...text.rules, country: { include: '', exclude: '' } } };
    expect(targetingPatch(cleared, targeting).terms).toEqual({ country: null, deal: targeting.terms.deal });
    expect(targetingSummary(targeting)).toEqual(['Countries: DEU', 'Deals: Deal-1; not x', 'Inside a circle']);
  });
});
