import { createHmac } from 'node:crypto';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../core/clock.ts';
import { alertDefaults, campaignFindings, heldFor, type Sample } from './alertrules.ts';
import { createAlerts } from './alerts.ts';
import { createMemoryDocuments } from './documents.ts';
import { createHarness, type Fact, quiet, START_MS } from './fakes.case.ts';
import type { LiveCampaign } from './liveboard.ts';
import { createLiveBoard } from './liveboard.ts';
import { createWebhooks } from './webhooks.ts';

const MINUTE = 60_000;
const campaign = (more: Partial<LiveCampaign> = {}): LiveCampaign => ({
  id: 1,
  name: 'C',
  advertiserId: 2,
  advertiserName: 'A',
  currency: 'USD',
  timeZone: 'UTC',
  status: 'active',
  today: { impressions: 0, clicks: 0, spendNanos: '0' },
  lifetime: { impressions: 0, clicks: 0, spendNanos: '0' },
  dailyBudgetNanos: null,
  lifetimeBudgetNanos: null,
  plannedNanos: null,
  pacing: null,
  dayEndMs: 0,
  hindrances: [],
  ...more,
});
const samples = (count: number, make: (minute: number) => Partial<Sample>): Sample[] =>
  Array.from({ length: count }, (_, i) => ({
    atMs: i * MINUTE,
    impressions: i * 100,
    clicks: i,
    state: 'on_plan',
    ...make(i),
  }));
const codes = (given: readonly Sample[], more: Partial<LiveCampaign> = {}) =>
  campaignFindings(campaign(more), given, alertDefaults).map((finding) => finding.code);

describe('alert rules', () => {
  it('say nothing about a campaign that delivers', () => {
    expect(codes(samples(60, () => ({})))).toEqual([]);
  });
  it.each([
    ['behind for ten minutes', 'under_pacing', samples(11, () => ({ state: 'behind_supply' }))],
    ['ahead for ten minutes', 'over_pacing', samples(11, () => ({ state: 'ahead' }))],
    ['no impression for ten minutes', 'no_impressions', samples(30, (i) => ({ impressions: Math.min(i, 19) * 100 }))],
    [
      'clicks three times as often',
      'click_rate_jump',
      samples(30, (i) => ({ clicks: i < 20 ? i : 19 + (i - 19) * 5 })),
    ],
  ])('find %s', (_, code, given) => {
    expect(codes(given)).toContain(code);
  });
  it('wait until it has lasted', () => {
    expect(codes(samples(10, () => ({ state: 'behind_bid' })))).toEqual([]);
    expect(
      heldFor(
        samples(11, (i) => ({ state: i === 5 ? 'on_plan' : 'ahead' })),
        (sample) => sample.state === 'ahead',
      ),
    ).toBe(4 * MINUTE);
  });
  it('see a budget that is nearly spent, and keep quiet about what is not running', () => {
    const spent = { lifetimeBudgetNanos: '1000', lifetime: { impressions: 1, clicks: 0, spendNanos: '900' } };
    expect(
      codes(
        samples(2, () => ({})),
        spent,
      ),
    ).toEqual(['budget_nearly_spent']);
    expect(
      codes(
        samples(2, () => ({})),
        { ...spent, status: 'paused' },
      ),
    ).toEqual([]);
    expect(codes(samples(30, () => ({ impressions: 5, state: 'budget_spent' })))).toEqual([]);
  });
});

describe('alerts', () => {
  it('open, last, close, and are shown to whom they concern', async () => {
    const facts: Fact[] = [];
    const changes: string[] = [];
    const api = await createHarness(facts);
    const { services, clock } = api;
    const advertiserId = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'A' } })).json.id;
    const budget = { lifetimeMicros: 1_000_000 };
    const creatives = [
      {
        name: 'B',
        format: 'banner',
        banner: { w: 1, h: 1, html: 'x' },
        landingUrl: 'https://a.example.com',
        adomain: ['a.example.com'],
      },
    ];
    const lineItems = [{ name: 'L', goal: { type: 'cpm', bidCpmMicros: 1000 }, creatives }];
    const made = (await api.call('POST', '/api/v1/campaigns', { body: { advertiserId, name: 'C', budget, lineItems } }))
      .json;
    const board = createLiveBoard(services.directory, services.reports, null, clock);
    const alerts = createAlerts({
      ...services,
      config: alertDefaults,
      board,
      bids: { summary: () => ({ nodes: [], noBids: {} }) },
      status: { ingest: async () => ({ lag: 60_000 }) },
      onChange: (alert) => changes.push(`${alert.untilMs === null ? 'open' : 'close'} ${alert.code}`),
    });
    facts.push({
      atMs: START_MS - 1000,
      advertiser: advertiserId,
      campaign: made.id,
      impressions: 1,
      clicks: 0,
      spendNanos: 950_000_000n,
    });
    await alerts.look();
    clock.advance(11_000);
    await alerts.look();
    expect(changes).toEqual(['open budget_nearly_spent', 'open log_lag']);
    expect(alerts.list().find((alert) => alert.campaignId === made.id)?.sinceMs).toBe(START_MS);
    await api.call('PATCH', `/api/v1/campaigns/${made.id}`, {
      body: { status: 'paused' },
      headers: { 'if-match': '*' },
    });
    await alerts.look();
    expect(changes.at(-1)).toBe('close budget_nearly_spent');
  });
});

describe('webhooks', () => {
  it('are signed, tried again when refused, and given up at last', async () => {
    const documents = createMemoryDocuments();
    const clock = manualClock(START_MS);
    const calls: { body: string; signature: string }[] = [];
    let status = 500;
    const answer: typeof fetch = async (_url, init) => {
      const signature = new Headers(init?.headers).get('x-evenkeel-signature') ?? '';
      calls.push({ body: String(init?.body), signature });
      return new Response(null, { status });
    };
    const hooks = createWebhooks({ documents, clock, logger: quiet, metrics: new Registry(), fetch: answer });
    await documents.put('webhook', 'wh_1', {
      id: 'wh_1',
      url: 'https://ops.example.com/',
      createdMs: 0,
      secret: 's3cret',
    });
    const alert = {
      id: 'a',
      code: 'log_lag',
      severity: 'critical',
      message: 'm',
      campaignId: null,
      advertiserId: null,
      sinceMs: 1,
      untilMs: null,
    } as const;
    hooks.send(alert);
    expect(await hooks.deliver()).toBe(1);
    expect(await hooks.deliver()).toBe(1);
    expect(calls).toHaveLength(1);
    clock.advance(1000);
    status = 204;
    expect(await hooks.deliver()).toBe(0);
    const { body, signature } = calls[1]!;
    const [, seconds, hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature)!;
    expect(createHmac('sha256', 's3cret').update(`${seconds}.${body}`).digest('hex')).toBe(hex);
    expect(JSON.parse(body)).toMatchObject({ event: 'alert.opened', alert: { code: 'log_lag' } });
    status = 500;
    hooks.send({ ...alert, untilMs: 2 });
    for (let i = 0; i < 10; i++) {
      await hooks.deliver();
      clock.advance(600_000);
    }
    expect(calls).toHaveLength(2 + 6);
  });

  it('show their secret once, to operators only', async () => {
    const api = await createHarness();
    const made = await api.call('POST', '/api/v1/webhooks', { body: { url: 'https://ops.example.com/hook' } });
    expect(made.json.secret.length).toBeGreaterThan(40);
    expect((await api.call('GET', '/api/v1/webhooks')).text).not.toContain(made.json.secret);
    const key = await api.keyFor('read_only', null);
    expect((await api.call('GET', '/api/v1/webhooks', { key })).status).toBe(403);
    expect((await api.call('DELETE', `/api/v1/webhooks/${made.json.id}`)).status).toBe(204);
  });
});
