import { GVL, PurposeRestriction, type RestrictionType, TCModel, TCString, type VendorList } from '@iabtechlabtcf/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBitReader } from './bits.ts';
import { defaultVendor } from './decision.ts';
import { PRECISE_GEO_BIT, readTcf, type VendorDeclaration } from './tcf.ts';

const bits = createBitReader();
const read = (text: string, vendor: VendorDeclaration): number => readTcf(bits, text, 0, text.length, vendor);
const METADATA_CHARS = 24;
const purposes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** A vendor list in which every vendor may have every restriction, as the oracle's encoder needs one. */
const gvl = new GVL({
  gvlSpecificationVersion: 3,
  vendorListVersion: 50,
  tcfPolicyVersion: 4,
  lastUpdated: '2026-01-01T00:00:00Z',
  purposes: Object.fromEntries(purposes.map((id) => [id, { id, name: '', description: '', illustrations: [] }])),
  specialPurposes: {},
  features: {},
  specialFeatures: { 1: { id: 1, name: '', description: '', illustrations: [] } },
  stacks: {},
  dataCategories: {},
  vendors: Object.fromEntries(
    Array.from({ length: 900 }, (_, i) => [
      i + 1,
      {
        id: i + 1,
        name: `v${i + 1}`,
        purposes: [1, 3, 4, 5, 6],
        legIntPurposes: [2, 7, 8, 9, 10],
        flexiblePurposes: [2, 7, 8, 9, 10],
        specialPurposes: [],
        features: [],
        specialFeatures: [1],
      },
    ]),
  ),
} as unknown as VendorList);

const vendorSet = fc.oneof(
  fc.uniqueArray(fc.integer({ min: 1, max: 900 }), { maxLength: 12 }),
  // Long runs make the encoder choose ranges.
  fc
    .tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 480 }))
    .map(([from, length]) => Array.from({ length }, (_, i) => from + i)),
);
const someModel = fc.record({
  consents: fc.subarray(purposes),
  interests: fc.subarray(purposes),
  vendors: vendorSet,
  interestVendors: vendorSet,
  geo: fc.boolean(),
  restrictions: fc.array(
    fc.tuple(fc.constantFrom(2, 3, 7, 9, 10), fc.constantFrom(0, 1, 2), fc.integer({ min: 1, max: 900 })),
    { maxLength: 6 },
  ),
});
const someVendor = fc.record({
  vendorId: fc.integer({ min: 1, max: 900 }),
  legitimateInterestPurposes: fc.subarray([2, 7, 8, 9, 10]),
  flexiblePurposes: fc.subarray([2, 7, 8, 9, 10]),
});

type Model = typeof someModel extends fc.Arbitrary<infer T> ? T : never;

function encode(model: Model, extra: readonly number[]): string {
  const tc = new TCModel(gvl);
  tc.cmpId = 10;
  tc.cmpVersion = 1;
  tc.purposeConsents.set([...model.consents]);
  tc.purposeLegitimateInterests.set(model.interests.filter((purpose) => purpose !== 1));
  tc.vendorConsents.set([...model.vendors, ...extra]);
  tc.vendorLegitimateInterests.set([...model.interestVendors, ...extra]);
  if (model.geo) tc.specialFeatureOptins.set(1);
  for (const [purpose, type, vendorId] of model.restrictions) {
    tc.publisherRestrictions.add(vendorId, new PurposeRestriction(purpose, type as RestrictionType));
  }
  return TCString.encode(tc);
}

/** The policies' rule again, over the oracle's decoded model. */
function expected(tc: TCModel, vendor: VendorDeclaration): number {
  let basis = tc.specialFeatureOptins.has(1) ? PRECISE_GEO_BIT : 0;
  for (const purpose of purposes) {
    const kinds = new Set(
      tc.publisherRestrictions
        .getRestrictions(vendor.vendorId)
        .filter((restriction) => restriction.purposeId === purpose)
        .map((restriction) => restriction.restrictionType as number),
    );
    if (kinds.has(0) || (kinds.has(1) && kinds.has(2))) continue;
    const declared = vendor.legitimateInterestPurposes.includes(purpose) ? 'interest' : 'consent';
    const asked = kinds.has(1) ? 'consent' : kinds.has(2) ? 'interest' : declared;
    if (asked !== declared && !vendor.flexiblePurposes.includes(purpose)) continue;
    const granted =
      asked === 'consent'
        ? tc.purposeConsents.has(purpose) && tc.vendorConsents.has(vendor.vendorId)
        : ![1, 3, 4, 5, 6].includes(purpose) &&
          tc.purposeLegitimateInterests.has(purpose) &&
          tc.vendorLegitimateInterests.has(vendor.vendorId);
    if (granted) basis |= 1 << purpose;
  }
  return basis;
}

/**
 * The oracle's view of the core segment: damage in the others says nothing that we use. null when it minds the
 * publisher's country, which it checks and we do not use; `refused` when it can not be read at all.
 */
function decodeCore(text: string): TCModel | null | 'refused' {
  try {
    return TCString.decode(text.split('.')[0]!);
  } catch (error) {
    return String(error).includes('publisherCountryCode') ? null : 'refused';
  }
}

describe('the TCF reader', () => {
  it('equals the IAB library on generated strings', () => {
    let withBasis = 0;
    fc.assert(
      fc.property(someModel, someVendor, fc.boolean(), (model, vendor, listed) => {
        const text = encode(model, listed ? [vendor.vendorId] : []);
        const wanted = expected(TCString.decode(text), vendor);
        expect(read(text, vendor)).toBe(wanted);
        if (wanted > PRECISE_GEO_BIT) withBasis++;
      }),
      { numRuns: 400 },
    );
    expect(withBasis).toBeGreaterThan(20);
  });

  it('never finds a basis in a mutated string that the library does not find', () => {
    const mutation = fc.record({ at: fc.nat(), letter: fc.constantFrom(...'AZaz09-_.=+/~ é'), cut: fc.nat(5) });
    fc.assert(
      fc.property(
        someModel,
        someVendor,
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        (model, vendor, changes) => {
          let text = encode(model, [vendor.vendorId]);
          for (const { at, letter, cut } of changes) {
            // Behind the metadata of CMP, language and versions, which the library checks and we do not use.
            const from = METADATA_CHARS + (at % (text.length - METADATA_CHARS));
            text = text.slice(0, from) + letter + text.slice(from + cut);
          }
          const ours = read(text, vendor);
          if (ours === 0) return;
          const decoded = decodeCore(text);
          if (decoded === null) return;
          if (decoded === 'refused') throw new Error(`a basis was found in what the library refuses: ${text}`);
          const theirs = expected(decoded, vendor);
          expect(ours & ~theirs).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('survives any text', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^C[A-Za-z0-9_-]{0,120}$/));
    fc.assert(
      fc.property(text, (any) => {
        const basis = read(any, { ...defaultVendor, vendorId: 12 });
        expect(basis).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 1000 },
    );
  });

  it('gives no basis without a registered vendor, for version 1, and for a cut string', () => {
    const model = {
      consents: purposes,
      interests: purposes,
      vendors: [12],
      interestVendors: [12],
      geo: true,
      restrictions: [],
    };
    const text = encode(model, []);
    const ours = { ...defaultVendor, vendorId: 12 };
    expect(read(text, ours)).not.toBe(0);
    expect(read(text, defaultVendor)).toBe(0);
    expect(read(`B${text.slice(1)}`, ours)).toBe(0);
    const core = text.split('.')[0]!;
    for (let length = 0; length < core.length - 1; length++) expect(read(core.slice(0, length), ours)).toBe(0);
    expect(read('', ours)).toBe(0);
    expect(read('consent-string', ours)).toBe(0);
  });
});
