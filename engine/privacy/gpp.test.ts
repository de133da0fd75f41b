import { GppModel } from '@iabgpp/cmpapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBitReader } from './bits.ts';
import { newGppSections, readGppHeader, readUsSection } from './gpp.ts';
import { readUsPrivacy } from './usprivacy.ts';

const bits = createBitReader();
const sections = newGppSections();

/** Section name in the oracle, id, number of known-child answers, whether it has `SharingOptOut`, `TargetedAdvertisingOptOut`. */
const usSections = [
  ['usnat', 7, 3, true, true],
  ['usca', 8, 2, true, false],
  ['usva', 9, 1, false, true],
  ['usco', 10, 1, false, true],
  ['usut', 11, 1, false, true],
  ['usct', 12, 3, false, true],
  ['usfl', 13, 3, false, true],
  ['usmt', 14, 3, false, true],
  ['usor', 15, 3, false, true],
  ['ustx', 16, 1, false, true],
  ['usde', 17, 5, false, true],
  ['usia', 18, 1, false, true],
  ['usne', 19, 1, false, true],
  ['usnh', 20, 3, false, true],
  ['usnj', 21, 5, false, true],
  ['ustn', 22, 1, false, true],
  ['usmn', 23, 1, false, true],
] as const;
const answer = fc.constantFrom(0, 1, 2);
const someUs = fc.record({
  section: fc.constantFrom(...usSections),
  sale: answer,
  sharing: answer,
  targeted: answer,
  child: fc.option(answer, { nil: 0, freq: 3 }),
  childAt: fc.nat(4),
  gpc: fc.boolean(),
  uspv1: fc.option(fc.constantFrom('1YNN', '1YYN', '1---'), { nil: null }),
});
type Us = typeof someUs extends fc.Arbitrary<infer T> ? T : never;

function encode(us: Us): { text: string; gpc: boolean } {
  const [name, , children, hasSharing, hasTargeted] = us.section;
  const model = new GppModel();
  if (us.uspv1 !== null) model.setFieldValue('uspv1', 'Version', 1);
  if (us.uspv1 !== null) {
    model.setFieldValue('uspv1', 'Notice', us.uspv1[1]);
    model.setFieldValue('uspv1', 'OptOutSale', us.uspv1[2]);
    model.setFieldValue('uspv1', 'LspaCovered', us.uspv1[3]);
  }
  model.setFieldValue(name, 'SaleOptOut', us.sale);
  if (hasSharing) model.setFieldValue(name, 'SharingOptOut', us.sharing);
  if (hasTargeted) model.setFieldValue(name, 'TargetedAdvertisingOptOut', us.targeted);
  const kids = Array.from({ length: children }, (_, i) => (i === us.childAt % children ? us.child : 0));
  model.setFieldValue(name, 'KnownChildSensitiveDataConsents', children === 1 ? kids[0] : kids);
  const gpc = model.hasField(name, 'Gpc');
  if (gpc) model.setFieldValue(name, 'Gpc', us.gpc);
  return { text: model.encode(), gpc };
}

describe('the GPP reader', () => {
  it('finds the sections and opt-outs that the IAB library wrote', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(someUs, (us) => {
        const { text, gpc } = encode(us);
        const [, id, , hasSharing, hasTargeted] = us.section;
        expect(readGppHeader(bits, text, sections)).toBe(true);
        const ids = [...sections.ids.subarray(0, sections.count)];
        expect(ids).toEqual(new GppModel(text).getSectionIds());
        const at = ids.indexOf(id);
        const verdict = readUsSection(bits, id, text, sections.starts[at]!, sections.ends[at]!);
        const out = us.sale === 1 || (hasSharing && us.sharing === 1) || (hasTargeted && us.targeted === 1);
        const wanted = us.child !== 0 ? 'child' : out || (gpc && us.gpc) ? 'opted_out' : 'allowed';
        expect(`${us.section[0]} ${verdict}`).toBe(`${us.section[0]} ${wanted}`);
        seen.add(`${us.section[0]} ${verdict}`);
        const usp = ids.indexOf(6);
        if (usp >= 0) {
          const wantedUsp = us.uspv1?.[2] === 'Y' ? 'opted_out' : 'allowed';
          expect(readUsPrivacy(text, sections.starts[usp]!, sections.ends[usp]!)).toBe(wantedUsp);
        }
      }),
      { numRuns: 600 },
    );
    expect(seen.size).toBeGreaterThan(40);
  });

  it('reads usnat of version 1, which has fewer fields', () => {
    const model = new GppModel();
    model.setFieldValue('usnat', 'Version', 1);
    model.setFieldValue('usnat', 'TargetedAdvertisingOptOut', 1);
    const text = model.encode();
    readGppHeader(bits, text, sections);
    expect(readUsSection(bits, 7, text, sections.starts[0]!, sections.ends[0]!)).toBe('opted_out');
  });

  it('survives any text, and finds no section in a malformed one', () => {
    const any = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^DB[A-Za-z0-9_~.-]{0,60}$/));
    fc.assert(
      fc.property(any, fc.integer({ min: 0, max: 40 }), (text, id) => {
        if (!readGppHeader(bits, text, sections)) expect(sections.count).toBe(0);
        for (let i = 0; i < sections.count; i++) expect(sections.ends[i]).toBeLessThanOrEqual(text.length);
        readUsSection(bits, id, text, 0, text.length);
      }),
      { numRuns: 1500 },
    );
  });

  it('never reads an opt-out away from a cut section', () => {
    fc.assert(
      fc.property(someUs, fc.nat(), (us, cut) => {
        const { text } = encode(us);
        const [, id] = us.section;
        readGppHeader(bits, text, sections);
        const at = [...sections.ids.subarray(0, sections.count)].indexOf(id);
        const start = sections.starts[at]!;
        const core = (text.slice(start, sections.ends[at]).split('.')[0] ?? '').length;
        const verdict = readUsSection(bits, id, text, start, start + (cut % core));
        const whole = readUsSection(bits, id, text, start, sections.ends[at]!);
        if (verdict === 'allowed') expect(whole).not.toBe('child');
      }),
      { numRuns: 300 },
    );
  });
});

describe('the US privacy string', () => {
  it.each([
    ['1YNN', 'allowed'],
    ['1YYN', 'opted_out'],
    ['1yyn', 'opted_out'],
    ['1---', 'allowed'],
    ['2YNN', 'unreadable'],
    ['1YN', 'unreadable'],
    ['us_privacy', 'unreadable'],
    ['', 'unreadable'],
  ])('%s is %s', (text, verdict) => {
    expect(readUsPrivacy(text, 0, text.length)).toBe(verdict);
  });
});
