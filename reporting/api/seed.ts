import {
  advertiserSchema,
  campaignSchema,
  creativeSchema,
  type LineItem,
  lineItemSchema,
} from '../../core/campaign.ts';
import type { EventLog } from '../../core/eventlog.ts';
import { type CampaignChange, campaignChangeKey } from '../../core/topics.ts';
import { type AdTheme, adMarkup, demoSizes } from './demoads.ts';

const DEMO_ADVERTISER = 1;

interface DemoLineItem {
  readonly name: string;
  readonly cpmMicros: number;
  readonly dailyMicros: number | null;
  readonly pacing?: LineItem['pacing'];
  readonly terms?: Record<string, { include?: string[]; exclude?: string[] }>;
  readonly caps?: readonly { impressions: number; per: 'hour' | 'day' }[];
  /** Ads beside the banners, as fields of a creative. */
  readonly more?: readonly Record<string, unknown>[];
}

interface DemoCampaign {
  readonly name: string;
  readonly dailyMicros: number;
  readonly lifetimeMicros?: number;
  readonly theme: AdTheme;
  readonly lineItems: readonly DemoLineItem[];
}

const phones = { include: ['1', '4'] };
const desktops = { include: ['2'] };

const bootsVideo = {
  name: 'Northwind Boots, 15 seconds',
  format: 'video',
  video: {
    durationSeconds: 15,
    mediaFiles: [
      { url: 'https://media.example.com/boots-15s.mp4', mime: 'video/mp4', w: 1280, h: 720, bitrateKbps: 1500 },
    ],
  },
};
const trainsNative = {
  name: 'Atlas Trains, in the feed',
  format: 'native',
  native: {
    title: 'Paris before lunch',
    description: 'City breaks by train, from 39 euros.',
    sponsoredBy: 'Atlas Trains',
    image: { url: 'https://media.example.com/trains-1200x627.jpg', w: 1200, h: 627 },
    icon: { url: 'https://media.example.com/trains-80x80.png', w: 80, h: 80 },
  },
};

/** Six campaigns that show the model: small and large budgets, broad and narrow targeting, caps, every pacing plan. */
const demoCampaigns: readonly DemoCampaign[] = [
  {
    name: 'Harbour Coffee – five dollars a day',
    dailyMicros: 5_000_000,
    theme: {
      domain: 'coffee.example.com',
      title: 'Harbour Coffee',
      line: 'Roasted this morning',
      from: '#7c2d12',
      to: '#d97706',
    },
    lineItems: [
      { name: 'Phones', cpmMicros: 2_400_000, dailyMicros: null, terms: { deviceType: phones } },
      { name: 'Desktops', cpmMicros: 1_800_000, dailyMicros: null, terms: { deviceType: desktops } },
    ],
  },
  {
    name: 'Northwind Boots – autumn launch',
    dailyMicros: 250_000_000,
    lifetimeMicros: 5_000_000_000,
    theme: {
      domain: 'boots.example.com',
      title: 'Northwind Boots',
      line: 'Made for wet miles',
      from: '#14532d',
      to: '#65a30d',
    },
    lineItems: [
      { name: 'Everywhere', cpmMicros: 3_200_000, dailyMicros: null, more: [bootsVideo] },
      {
        name: 'United States',
        cpmMicros: 4_500_000,
        dailyMicros: 100_000_000,
        terms: { country: { include: ['USA'] } },
      },
    ],
  },
  {
    name: 'Meridian Bank – savings account',
    dailyMicros: 120_000_000,
    theme: {
      domain: 'bank.example.com',
      title: 'Meridian Bank',
      line: 'Savings at 3.1 %',
      from: '#1e3a8a',
      to: '#0ea5e9',
    },
    lineItems: [
      {
        name: 'Twice an hour per person',
        cpmMicros: 5_000_000,
        dailyMicros: null,
        caps: [
          { impressions: 2, per: 'hour' },
          { impressions: 8, per: 'day' },
        ],
      },
    ],
  },
  {
    name: 'Pixel Garden – game install push',
    dailyMicros: 60_000_000,
    theme: {
      domain: 'games.example.com',
      title: 'Pixel Garden',
      line: 'Grow something odd',
      from: '#581c87',
      to: '#ec4899',
    },
    lineItems: [
      {
        name: 'Phones, early in the day',
        cpmMicros: 2_800_000,
        dailyMicros: null,
        pacing: 'front_loaded',
        terms: { deviceType: phones },
      },
    ],
  },
  {
    name: 'Lumen Lamps – clearance',
    dailyMicros: 30_000_000,
    theme: {
      domain: 'lamps.example.com',
      title: 'Lumen Lamps',
      line: 'Last lamps, half price',
      from: '#713f12',
      to: '#facc15',
    },
    lineItems: [{ name: 'As soon as possible', cpmMicros: 1_500_000, dailyMicros: null, pacing: 'asap' }],
  },
  {
    name: 'Atlas Trains – city breaks in Europe',
    dailyMicros: 80_000_000,
    theme: {
      domain: 'trains.example.com',
      title: 'Atlas Trains',
      line: 'Paris before lunch',
      from: '#134e4a',
      to: '#14b8a6',
    },
    lineItems: [
      {
        name: 'Western Europe',
        cpmMicros: 3_600_000,
        dailyMicros: null,
        terms: { country: { include: ['DEU', 'FRA', 'GBR', 'NLD', 'BEL', 'ESP', 'ITA', 'CHE', 'AUT'] } },
        more: [trainsNative],
      },
      { name: 'Elsewhere, in the evenings', cpmMicros: 1_200_000, dailyMicros: 10_000_000, pacing: 'even_time' },
    ],
  },
];

/** The demo advertiser and everything below it, with fixed small ids: the same on every machine. */
function demoChanges(nowMs: number): readonly CampaignChange[] {
  const base = { version: 1, updatedMs: nowMs };
  const changes: CampaignChange[] = [
    { kind: 'advertiser', entity: advertiserSchema.parse({ ...base, id: DEMO_ADVERTISER, name: 'Evenkeel Demo' }) },
  ];
  let lineItemId = 100;
  let creativeId = 1000;
  let otherId = 2000;
  for (const [i, demo] of demoCampaigns.entries()) {
    const campaignId = 10 + i;
    const budget = { dailyMicros: demo.dailyMicros, lifetimeMicros: demo.lifetimeMicros ?? null };
    const campaign = { ...base, id: campaignId, advertiserId: DEMO_ADVERTISER, name: demo.name, budget };
    changes.push({ kind: 'campaign', entity: campaignSchema.parse(campaign) });
    for (const item of demo.lineItems) {
      lineItemId += 1;
      changes.push({
        kind: 'line_item',
        entity: lineItemSchema.parse({ ...base, ...lineItem(item, lineItemId, campaignId) }),
      });
      const { domain, title } = demo.theme;
      const shared = { ...base, lineItemId, landingUrl: `https://${domain}/`, adomain: [domain] };
      const banners = demoSizes.map(({ w, h }) => {
        const html = adMarkup(demo.theme, w, h);
        return { id: ++creativeId, name: `${title} ${w}×${h}`, format: 'banner', banner: { w, h, html } };
      });
      const others = (item.more ?? []).map((fields) => ({ id: ++otherId, ...fields }));
      for (const creative of [...banners, ...others])
        changes.push({ kind: 'creative', entity: creativeSchema.parse({ ...shared, ...creative }) });
    }
  }
  return changes;
}

/**
 * Appends the demo to the `campaigns` topic. Repeating it changes nothing but `updatedMs`.
 * @returns how many entities were written
 */
export async function seedDemo(log: Pick<EventLog, 'append'>, nowMs: number): Promise<number> {
  const changes = demoChanges(nowMs);
  const records = changes.map((change) => ({
    key: campaignChangeKey(change),
    value: Buffer.from(JSON.stringify(change)),
  }));
  await log.append('campaigns', records);
  return changes.length;
}

function lineItem(item: DemoLineItem, id: number, campaignId: number): Record<string, unknown> {
  return {
    id,
    campaignId,
    name: item.name,
    budget: { dailyMicros: item.dailyMicros },
    goal: { type: 'cpm', bidCpmMicros: item.cpmMicros },
    pacing: item.pacing ?? 'even',
    targeting: { terms: item.terms ?? {} },
    frequencyCaps: (item.caps ?? []).map((cap) => ({ ...cap, scope: 'line_item' })),
  };
}
