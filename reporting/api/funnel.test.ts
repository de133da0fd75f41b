import { describe, expect, it } from 'vitest';
import { createHarness, START_MS } from './fakes.case.ts';
import { explainFunnel, type FunnelCounts, stagesOf } from './funnel.ts';

const counts = (more: Partial<FunnelCounts>, noBids: Record<string, number> = {}): FunnelCounts => ({
  matched: 1000,
  bids: 100,
  wins: 30,
  impressions: 29,
  ...more,
  noBids: new Map(Object.entries(noBids)),
});

describe('the funnel', () => {
  it('sorts losses into the stages of the funnel', () => {
    const stages = stagesOf(
      new Map([
        ['budget', 3],
        ['targeting', 10],
        ['flight', 20],
        ['unheard_of', 5],
        ['deal', 0],
      ]),
    );
    expect(stages.map(({ stage, lost }) => [stage, lost])).toEqual([
      ['targeting', 30],
      ['budget', 3],
    ]);
    expect(stages[0]!.reasons[0]).toMatchObject({ reason: 'flight', count: 20 });
  });

  it.each([
    ['a setting', counts({}), [{ code: 'x', message: 'The campaign is paused.' }], null, 'The campaign is paused.'],
    ['no traffic', counts({ matched: 0, bids: 0 }), [], null, 'No traffic matched'],
    ['the floor', counts({}, { below_floor: 900 }), [], 'on plan', 'raise the bid'],
    [
      'the floor, by the pacer',
      counts({}, { below_floor: 900 }),
      [],
      'Learning prices.',
      'bids at 2 % of its value',
      20_000,
    ],
    ['lost auctions', counts({ bids: 1000, wins: 1 }), [], null, 'loses almost every auction'],
    ['no rendering', counts({ bids: 1000, wins: 500, impressions: 10 }), [], null, 'fewer than half'],
    ['the pacer', counts({}, { pacing: 900 }), [], 'Bids at 40 % to last the day.', 'Bids at 40 %'],
    ['pacing without words', counts({}, { pacing: 900 }), [], null, 'held back on purpose'],
    ['no news of the pacer', counts({}, { unpaced: 900 }), [], null, 'have not heard yet how fast'],
    ['no rate', counts({}, { unsupported_currency: 900 }), [], null, 'rate for the currency'],
    ['nothing', counts({}), [], null, 'nothing stands out'],
  ])('finds the sentence for %s', (_, given, blocked, explanation, said, multiplierPpm = 1_000_000) => {
    const paced = explanation === null ? null : { explanation, multiplierPpm };
    expect(explainFunnel(given, blocked, paced)).toContain(said);
  });

  it('is served for a campaign', async () => {
    const api = await createHarness();
    const advertiserId = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'A' } })).json.id;
    const campaign = (await api.call('POST', '/api/v1/campaigns', { body: { advertiserId, name: 'C' } })).json;
    const funnel = await api.call('GET', `/api/v1/campaigns/${campaign.id}/funnel`);
    expect(funnel.json).toMatchObject({ sentence: 'No line item has an active creative.', bids: 0 });
    expect(funnel.json.toMs - funnel.json.fromMs).toBe(3_600_000);
    expect(funnel.json.toMs).toBeGreaterThan(START_MS);
    expect((await api.call('GET', `/api/v1/campaigns/${campaign.id}/funnel?hours=0`)).json.field).toBe('hours');
  });
});

describe('previews', () => {
  it('show the ad in an origin of its own', async () => {
    const api = await createHarness();
    const advertiserId = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'A' } })).json.id;
    const html = '<a href="${CLICK_URL}"><script>steal()</script></a>';
    const creative = {
      name: '"><x>',
      format: 'banner',
      banner: { w: 1, h: 1, html },
      landingUrl: 'https://a.example.com',
      adomain: ['a.example.com'],
    };
    const lineItems = [{ name: 'L', goal: { type: 'cpm', bidCpmMicros: 1000 }, creatives: [creative] }];
    await api.call('POST', '/api/v1/campaigns', { body: { advertiserId, name: 'C', lineItems } });
    const id = (await api.call('GET', '/api/v1/creatives')).json.items[0].id;
    const preview = await api.call('GET', `/api/v1/creatives/${id}/preview`);
    expect(preview.headers.get('content-security-policy')).toMatch(/^sandbox allow-scripts;/);
    expect(preview.headers.get('content-security-policy')).not.toContain('allow-same-origin');
    expect(preview.text).toContain('href="#"');
    expect(preview.text).toContain('<title>&quot;&gt;&lt;x&gt;</title>');
  });
});
