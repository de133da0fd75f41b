import { GppModel } from '@iabgpp/cmpapi';
import { Segment, SegmentEncoder, TCModel } from '@iabtechlabtcf/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPrivacyGate, defaultVendor, type PrivacySignals } from './decision.ts';
import { truncateIp } from './truncateip.ts';

/** Consent to everything, and to vendors 1 to 12. */
const FULL_CONSENT = fullConsent();

function fullConsent(): string {
  const model = new TCModel();
  const upTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);
  model.cmpId = 10;
  model.cmpVersion = 1;
  model.vendorListVersion = 50;
  model.purposeConsents.set(upTo(10));
  model.purposeLegitimateInterests.set([2, 7, 8, 9, 10]);
  model.specialFeatureOptins.set(upTo(2));
  model.vendorConsents.set(upTo(12));
  model.vendorLegitimateInterests.set(upTo(12));
  return `C${SegmentEncoder.encode(model, Segment.CORE).slice(1)}`;
}

const gate = createPrivacyGate({ vendor: { ...defaultVendor, vendorId: 12 } });
const silent: PrivacySignals = {
  coppa: false,
  lmt: false,
  dnt: false,
  gdpr: -1,
  consent: '',
  usPrivacy: '',
  gpp: '',
  gppSids: [],
  country: 'USA',
};
const decide = (signals: Partial<PrivacySignals>, by = gate) => by.decide({ ...silent, ...signals });
const nothing = { mayBid: true, mayUseUserId: false, mayPersonalise: false, mayStoreUser: false, truncateIp: true };
const everything = { mayBid: true, mayUseUserId: true, mayPersonalise: true, mayStoreUser: true, truncateIp: false };

function usnat(saleOptOut: number): string {
  const model = new GppModel();
  model.setFieldValue('usnat', 'SaleOptOut', saleOptOut);
  return model.encode();
}

describe('the privacy decision', () => {
  it.each([
    ['nothing said, from the US', {}, everything, null],
    ['nothing said, from Germany', { country: 'DEU' }, nothing, 'gdpr'],
    ['GDPR said not to apply', { country: 'DEU', gdpr: 0 }, everything, null],
    ['GDPR with full consent', { gdpr: 1, consent: FULL_CONSENT }, everything, null],
    ['GDPR without a string', { gdpr: 1 }, nothing, 'gdpr'],
    ['GDPR with a malformed string', { gdpr: 1, consent: 'consent-string' }, nothing, 'gdpr'],
    ['a malformed string and no gdpr flag', { consent: 'consent-string' }, nothing, 'gdpr'],
    ['a malformed string where GDPR does not apply', { gdpr: 0, consent: 'consent-string' }, everything, null],
    ['COPPA beats consent', { gdpr: 1, consent: FULL_CONSENT, coppa: true }, nothing, 'coppa'],
    ['limit ad tracking', { lmt: true }, nothing, 'lmt'],
    ['do not track', { dnt: true }, nothing, 'dnt'],
    ['US privacy opt-out', { usPrivacy: '1YYN' }, nothing, 'us_privacy'],
    ['US privacy without opt-out', { usPrivacy: '1YNN' }, everything, null],
    ['US privacy malformed', { usPrivacy: 'us_privacy' }, nothing, 'us_privacy'],
    ['usnat opt-out', { gpp: usnat(1), gppSids: [7] }, nothing, 'gpp'],
    ['usnat opt-out without gpp_sid', { gpp: usnat(1) }, nothing, 'gpp'],
    ['usnat without opt-out', { gpp: usnat(2), gppSids: [7] }, everything, null],
    ['another section applies', { gpp: usnat(1), gppSids: [8] }, nothing, 'gpp'],
    ['no section applies', { gpp: usnat(1), gppSids: [-1] }, everything, null],
    ['GPP malformed, a section applies', { gpp: 'gpp', gppSids: [7] }, nothing, 'gpp'],
    ['tcfeu2 in GPP with full consent', { gdpr: 1, gpp: `DBABMA~${FULL_CONSENT}`, gppSids: [2] }, everything, null],
    ['tcfeu2 in GPP malformed', { gdpr: 1, gpp: 'DBABMA~CPX', gppSids: [2] }, nothing, 'gpp'],
  ] as const)('%s', (_, signals, wanted, limitedBy) => {
    const decision = decide(signals);
    expect(decision).toMatchObject({ ...wanted, limitedBy });
    expect(decide(signals), 'a remembered string decides the same').toBe(decision);
  });

  it('refuses to bid without a basis where configured', () => {
    const strict = createPrivacyGate({ vendor: defaultVendor, withoutBasis: 'no_bid' });
    expect(decide({ lmt: true }, strict).mayBid).toBe(false);
    expect(decide({}, strict).mayBid).toBe(true);
    // Not registered as a vendor: consent of everybody else is none of ours.
    expect(decide({ gdpr: 1, consent: FULL_CONSENT }, strict).mayBid).toBe(false);
  });

  it('never throws, and signals only ever take away', () => {
    const text = fc.oneof(
      fc.constantFrom('', '1YNN', '1YYN', usnat(1), usnat(2), FULL_CONSENT, `DBABMA~${FULL_CONSENT}`),
      fc.string({ unit: 'binary', maxLength: 40 }),
    );
    const signals = fc.record({
      coppa: fc.boolean(),
      lmt: fc.boolean(),
      dnt: fc.boolean(),
      gdpr: fc.constantFrom(-1, 0, 1),
      consent: text,
      usPrivacy: text,
      gpp: text,
      gppSids: fc.array(fc.integer({ min: -1, max: 30 }), { maxLength: 3 }),
      country: fc.constantFrom('', 'USA', 'DEU', 'FRA'),
    });
    const small = createPrivacyGate({ vendor: { ...defaultVendor, vendorId: 12 }, cacheEntries: 4 });
    fc.assert(
      fc.property(signals, (any) => {
        const decision = gate.decide(any);
        expect(small.decide(any)).toEqual(decision);
        expect(decision.mayPersonalise || decision.mayStoreUser ? decision.mayUseUserId : true).toBe(true);
        expect(decision.truncateIp).toBe(!decision.mayStoreUser);
        if (any.coppa || any.lmt || any.dnt) expect(decision).toMatchObject(nothing);
        if (any.gdpr === 1 && any.consent === '' && any.gpp === '') expect(decision).toMatchObject(nothing);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('truncated addresses', () => {
  it.each([
    ['203.0.113.77', '203.0.113.0'],
    ['::ffff:203.0.113.77', '203.0.113.0'],
    ['2001:db8:85a3:8d3:1319:8a2e:370:7348', '2001:db8:85a3::'],
    ['2001:db8::1', '2001:db8:0::'],
    ['::1', '0:0:0::'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0::'],
    ['256.1.1.1', ''],
    ['1.2.3', ''],
    ['2001:db8:::1', ''],
    ['1:2:3:4:5:6:7:8:9', ''],
    ['', ''],
    ['localhost', ''],
  ])('%s becomes "%s"', (ip, short) => {
    expect(truncateIp(ip)).toBe(short);
  });

  it('keeps nothing of the last bits, and truncating twice changes nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (ip) => {
        const short = truncateIp(ip);
        expect(truncateIp(short)).toBe(short);
        expect(short).toMatch(/^$|\.0$|::$/);
      }),
    );
  });
});
