import { describe, expect, it } from 'vitest';
import { loggedEventSchema } from '../../core/event.ts';
import { seededRandom } from '../../core/random.ts';
import { readToken, signToken, type TokenKey } from '../../core/token.ts';
import { readConversion } from '../../engine/notice/conversion.ts';
import { readGooglePrice } from '../../engine/notice/googleprice.ts';
import { plainPrice, queryInteger, queryValue } from '../../engine/notice/query.ts';
import { createBitReader } from '../../engine/privacy/bits.ts';
import { newGppSections, readGppHeader, readUsSection, usVerdicts } from '../../engine/privacy/gpp.ts';
import { readTcf } from '../../engine/privacy/tcf.ts';
import { createUserHasher } from '../../engine/privacy/userhash.ts';
import { readUsPrivacy } from '../../engine/privacy/usprivacy.ts';
import { RequestScan } from '../../engine/request/scan.ts';
import { createUploadLines } from '../../engine/users/uploadlines.ts';
import { Problem } from '../../reporting/api/problem.ts';
import { parseReportQuery } from '../../reporting/api/reportquery.ts';
import { budget, seed } from './budget.case.ts';
import { fuzz } from './mutate.case.ts';

const bytes = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));
const request = {
  id: 'r',
  imp: [{ id: '1', banner: { format: [{ w: 300, h: 250 }] }, bidfloor: 0.5, pmp: { deals: [{ id: 'd', at: 3 }] } }],
  site: { domain: 'news.example', page: 'https://news.example/ü', cat: ['IAB1'] },
  device: { ua: 'Mozilla/5.0 "x"', ip: '203.0.113.7', geo: { country: 'DEU', lat: 52.5, lon: -0.1 } },
  user: { id: 'u', ext: { consent: 'CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA' } },
  regs: { coppa: 0, ext: { gdpr: 1, us_privacy: '1YNN' } },
  bcat: ['IAB25'],
  tmax: 100,
};

describe(`fuzz of readers, ${budget} inputs each, seed ${seed}`, () => {
  it('the request scanner agrees with JSON.parse about what is JSON', async () => {
    const scan = new RequestScan();
    const buffer = Buffer.alloc(128 * 1024);
    const outcomes = await fuzz(bytes(JSON.stringify(request), '[]', '""'), budget * 3, seededRandom(seed), (input) => {
      input.copy(buffer);
      const fault = scan.scan(buffer, input.length);
      if (fault === 'too_complex') return fault;
      let expected: string;
      try {
        const parsed: unknown = JSON.parse(input.toString('utf8'));
        expected = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? 'read' : 'not_an_object';
      } catch {
        expected = 'malformed_json';
      }
      expect(fault ?? 'read').toBe(expected);
      return `${expected} ${input.length >> 4}`;
    });
    expect([...outcomes].some((one) => one.startsWith('read'))).toBe(true);
  });

  it('no changed token is believed', async () => {
    const key: TokenKey = { id: 1, secret: Buffer.from('a fuzzing key of some bytes') };
    const token = {
      bidId: '00112233445566778899aabb',
      bidAtMs: 1_795_000_000_000,
      capNanos: 1000,
      advertiserId: 1,
      campaignId: 2,
      lineItemId: 3,
      creativeId: 4,
      billingEvent: 'bill',
      test: false,
      user: '0011223344556677',
      exchange: 'demo',
      dealId: '',
      domain: 'a.example',
      country: 'DEU',
      region: '',
      os: 'ios',
      deviceType: 4,
      mtype: 1,
      w: 300,
      h: 250,
    } as const;
    const text = signToken(token, key);
    const others = [signToken({ ...token, capNanos: 5, user: '' }, key)];
    const outcomes = await fuzz(bytes(text, ...others), budget, seededRandom(seed), (input) => {
      const read = readToken(input.toString('latin1'), [key]);
      if (typeof read === 'string') return read;
      expect([text, ...others]).toContain(input.toString('latin1'));
      return 'believed';
    });
    expect(outcomes).toEqual(new Set(['believed', 'forged', 'malformed']));
  });

  it('queries, prices and conversions give a value in range or nothing', async () => {
    const keys = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] as const;
    const seeds = bytes(
      'price=1.25&loss=102&mtw=2.5&x=%C3%A9',
      '{"click":"","advertiser":1,"user":"","order":"o","value":"12.5"}',
    );
    await fuzz(seeds, budget, seededRandom(seed), (input) => {
      const text = input.toString('utf8');
      const nanos = plainPrice(queryValue(text, 'price'));
      if (nanos !== null) expect(Number.isSafeInteger(nanos) && nanos >= 0).toBe(true);
      const loss = queryInteger(queryValue(text, 'loss'), 1000);
      if (loss !== null) expect(loss).toBeLessThanOrEqual(1000);
      const google = readGooglePrice(text, ...keys);
      expect(google, 'not decrypted without the key').toBeNull();
      const claim = readConversion(text, input);
      if (typeof claim === 'string') return `${claim} ${nanos === null} ${loss === null}`;
      expect(Number.isSafeInteger(claim.valueMicros) && claim.valueMicros >= 0).toBe(true);
      return `claim ${claim.orderId.length} ${nanos === null}`;
    });
  });

  it('consent strings of any bytes are read without a fault', async () => {
    const bits = createBitReader();
    const sections = newGppSections();
    const vendor = { vendorId: 1, legitimateInterestPurposes: [7], flexiblePurposes: [] };
    const seeds = bytes(
      'CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA',
      'DBACNY~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN',
      '1YNN',
      'DBABLA~BVVqAAAAAAJY.QA',
    );
    await fuzz(seeds, budget * 3, seededRandom(seed), (input) => {
      const text = input.toString('latin1');
      const basis = readTcf(bits, text, 0, text.length, vendor);
      expect(basis).toBeGreaterThanOrEqual(0);
      const found = readGppHeader(bits, text, sections);
      for (let i = 0; i < sections.count; i++) {
        const verdict = readUsSection(bits, sections.ids[i]!, text, sections.starts[i]!, sections.ends[i]!);
        expect(usVerdicts).toContain(verdict);
      }
      expect(usVerdicts).toContain(readUsPrivacy(text, 0, text.length));
      return `${basis} ${found} ${sections.count} ${sections.ids[0]}`;
    });
  });

  it('report queries are understood or refused with a code', async () => {
    const seeds = bytes(
      'from=2026-11-22&to=2026-11-22T10:00:00Z&granularity=hour&timezone=Europe/Berlin&dimensions=campaign,country&metrics=impressions,ctr',
      'filter=__proto__:1,2;constructor:3',
      'filter=campaign:1,2;country:DEU&order=-impressions&limit=10&from=1795000000000&to=1795000900000',
    );
    const outcomes = await fuzz(seeds, budget, seededRandom(seed), (input) => {
      try {
        const query = parseReportQuery(new URLSearchParams(input.toString('utf8')), 1_795_000_000_000);
        expect(query.toMs).toBeGreaterThan(query.fromMs);
        return `query ${query.granularity} ${query.dimensions.length} ${query.metrics.length}`;
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        return `${error.code} ${error.options.field}`;
      }
    });
    expect([...outcomes].some((one) => one.startsWith('query'))).toBe(true);
  });

  it('audience uploads of any bytes give one outcome a line', async () => {
    const hasher = createUserHasher('a salt of enough bytes');
    await fuzz(
      bytes('user-1\nuser-2,x\r\n\n"q"\n', '5f4dcc3b5aa765d61d8327deb882cf99aabbccddeeff00112233445566778899\n'),
      budget,
      seededRandom(seed),
      (input) => {
        const seen: string[] = [];
        const lines = createUploadLines(hasher, (line, outcome) => {
          seen.push(outcome);
          expect(line).toBe(seen.length);
        });
        const cut = input.length >> 1;
        lines.push(input.subarray(0, cut));
        lines.push(input.subarray(cut));
        lines.end();
        return seen.slice(0, 4).join();
      },
    );
  });

  it('log records of any bytes are an event or are refused', async () => {
    const event = { v: 1, type: 'win', token: 't', atMs: 1, priceNanos: 5, ip: '1.2.3.0', ua: 'x', detail: '' };
    await fuzz(bytes(JSON.stringify(event)), budget, seededRandom(seed), (input) => {
      try {
        const parsed = loggedEventSchema.safeParse(JSON.parse(input.toString('utf8')));
        return parsed.success ? `event ${parsed.data.type}` : `refused ${parsed.error.issues[0]?.path.join('.')}`;
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        return 'not JSON';
      }
    });
  });
});
