import { describe, expect, it } from 'vitest';
import { reportSql } from '../store/reportsql.ts';
import { csvCell } from './csv.ts';
import { createHarness, type Fact, START_MS } from './fakes.case.ts';
import { parseReportQuery } from './reportquery.ts';

const parse = (text: string) => parseReportQuery(new URLSearchParams(text), START_MS);
const iso = (ms: number) => new Date(ms).toISOString();

describe('report queries', () => {
  it('reads dates in the zone of the report, days of 23 to 25 hours included', () => {
    const autumn = parse('from=2026-10-25&to=2026-10-25&timezone=Europe/Berlin');
    expect([iso(autumn.fromMs), iso(autumn.toMs)]).toEqual(['2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z']);
    const far = parse('from=2026-01-01&to=2026-01-02&timezone=Pacific/Kiritimati');
    expect([iso(far.fromMs), iso(far.toMs)]).toEqual(['2025-12-31T10:00:00.000Z', '2026-01-02T10:00:00.000Z']);
  });

  it('widens instants to the steps that are kept', () => {
    const query = parse('from=2026-11-22T10:00:03Z&to=2026-11-22T11:00:04%2B01:00');
    expect(iso(query.fromMs)).toBe('2026-11-22T10:00:00.000Z');
    expect(query.toMs - query.fromMs).toBe(10_000);
  });

  it('reads filters, one by one or as JSON', () => {
    expect(parse('filter=campaign:1,2;country:DEU&filter=country:FRA').filter).toEqual({
      campaign: [1, 2],
      country: ['DEU', 'FRA'],
    });
    expect(parse('filter={"os":["ios"]}').filter).toEqual({ os: ['ios'] });
  });

  it.each([
    ['from=yesterday', 'from'],
    ['from=2026-13-40', 'from'],
    ['timezone=Mars/Olympus', 'timezone'],
    ['metrics=happiness', 'metrics.0'],
    ['dimensions=mood', 'dimensions.0'],
    ['filter=campaign', 'filter'],
    ['filter={', 'filter'],
    ['filter=campaign:x', 'filter.campaign.0'],
    ['from=2026-11-22&to=2026-11-01', 'toMs'],
    ['limit=0', 'limit'],
    ['order=-mood', 'orderBy.by'],
  ])('refuses %s, naming the field', (text, field) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ status: 422, options: expect.objectContaining({ field }) }),
    );
  });
});

describe('reports', () => {
  const facts: Fact[] = [1, 2].flatMap((advertiser) =>
    [0, 1, 2].map((i) => ({
      atMs: START_MS - i * 60_000,
      advertiser,
      campaign: advertiser * 10 + i,
      impressions: 100 + i,
      clicks: i,
      spendNanos: 1_234_567_891n + BigInt(i),
    })),
  );

  it('answers rows and totals that agree', async () => {
    const api = await createHarness(facts);
    const answer = await api.call(
      'GET',
      '/api/v1/reports?dimensions=campaign&metrics=impressions,spendNanos&totals=true',
    );
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json.currency).toBeNull();
    const spend = answer.json.rows.reduce(
      (sum: bigint, row: { spendNanos: string }) => sum + BigInt(row.spendNanos),
      0n,
    );
    expect(spend.toString()).toBe(answer.json.totals.spendNanos);
  });

  it('keeps a tenant in its own data whatever it asks for', async () => {
    const api = await createHarness(facts);
    const key = await api.keyFor('advertiser', 2);
    const own = await api.call('GET', '/api/v1/reports?dimensions=campaign', { key });
    expect(own.json.rows.map((row: { campaign: number }) => row.campaign)).toEqual([20, 21, 22]);
    for (const filter of ['advertiser:1', 'campaign:10', 'advertiser:1;campaign:10']) {
      const other = await api.call('GET', `/api/v1/reports?dimensions=campaign&filter=${filter}`, { key });
      expect(other.json.rows, filter).toEqual([]);
    }
  });

  it('streams CSV with exact money and local time', async () => {
    const api = await createHarness(facts);
    const query =
      'granularity=minute&timezone=Asia/Kolkata&dimensions=campaign&metrics=impressions,spendNanos&format=csv&filter=advertiser:1';
    const answer = await api.call('GET', `/api/v1/reports?${query}`);
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(answer.text.split('\r\n').slice(0, 2)).toEqual([
      'time,campaign,campaignName,impressions,spend',
      '2026-11-22T17:28:00+05:30,12,,102,1.234567893',
    ]);
  });

  it('compares each row and the totals with the period before, in JSON and CSV', async () => {
    const api = await createHarness(facts);
    const span = `from=${START_MS - 60_000}&to=${START_MS + 10_000}&dimensions=advertiser&metrics=clicks,spendNanos`;
    const answer = await api.call('GET', `/api/v1/reports?${span}&totals=true&compare=previous`);
    expect(answer.json.rows[0], answer.text).toMatchObject({ advertiser: 1, clicks: 1, previous: { clicks: 2 } });
    expect([answer.json.totals.clicks, answer.json.previousTotals.clicks]).toEqual([2, 4]);
    const csv = await api.call('GET', `/api/v1/reports?${span}&compare=previous&format=csv`);
    expect(csv.text.split('\r\n').slice(0, 2)).toEqual([
      'advertiser,advertiserName,clicks,spend,previousClicks,previousSpend',
      '1,,1,2.469135783,2,1.234567893',
    ]);
    expect((await api.call('GET', `/api/v1/reports?${span}&compare=next`)).json.field).toBe('compare');
  });

  it('streams Parquet under its own media type', async () => {
    const api = await createHarness(facts);
    const answer = await api.call('GET', '/api/v1/reports?dimensions=campaign&format=parquet');
    expect(answer.headers.get('content-type')).toBe('application/vnd.apache.parquet');
    expect(answer.headers.get('content-disposition')).toContain('evenkeel-report.parquet');
    expect(answer.text).toMatch(/^PAR1.*PAR1$/);
  });

  it('answers a refused query as a problem, in CSV too', async () => {
    const api = await createHarness(facts);
    expect((await api.call('GET', '/api/v1/reports?format=parquetish')).json).toMatchObject({
      code: 'invalid_field',
      field: 'format',
    });
    expect((await api.call('GET', '/api/v1/reports?format=csv&metrics=x')).json.code).toBe('invalid_field');
  });

  it('says why a measure is not known by a dimension, under a code of its own', async () => {
    const api = await createHarness(facts);
    api.services.reports.query = async (query) => {
      reportSql(query, { events: 'e', bidStats: 'b', rollups: 'r' });
      return { rows: [], truncated: false };
    };
    const refused = await api.call('GET', '/api/v1/reports?metrics=bids,winRate&dimensions=country');
    expect([refused.status, refused.json.code, refused.json.field]).toEqual([422, 'report_unsupported', 'dimensions']);
    expect(refused.json.detail).toContain('bidders count them for each line item and second');
    for (const dimension of ['advertiser', 'campaign', 'lineItem', 'hourOfDay', 'dayOfWeek', 'noBidReason'])
      expect((await api.call('GET', `/api/v1/reports?metrics=bids,noBids&dimensions=${dimension}`)).status).toBe(200);
    const order = await api.call('GET', '/api/v1/reports?metrics=bids&order=-clicks');
    expect([order.json.code, order.json.field]).toEqual(['invalid_field', 'order']);
  });

  it('keeps spreadsheets from running text', () => {
    expect(csvCell('=HYPERLINK("x")')).toBe('"\'=HYPERLINK(""x"")"');
    expect(csvCell('plain')).toBe('plain');
    expect(csvCell('a,b\n')).toBe('"a,b\n"');
  });
});
