import { describe, expect, it } from 'vitest';
import type { LineItem } from '../../core/campaign.ts';
import { campaignChangeSchema, pacingMessageSchema } from '../../core/topics.ts';
import { createGrants, createInventory } from './inventory.ts';
import { createTraffic } from './traffic.ts';

interface Request {
  readonly imp: readonly { readonly banner: { readonly w: number; readonly h: number; readonly pos: number } }[];
  readonly site?: Place;
  readonly app?: Place;
  readonly device: {
    readonly devicetype: number;
    readonly os: string;
    readonly connectiontype: number;
    readonly language: string;
    readonly geo: { readonly country: string; readonly region: string; readonly lat: number; readonly lon: number };
  };
  readonly user: {
    readonly data: readonly { readonly id: string; readonly segment: readonly { readonly id: string }[] }[];
  };
}
interface Place {
  readonly domain: string;
  readonly bundle?: string;
  readonly cat: readonly string[];
  readonly keywords: string;
}

/** The request's terms by dimension, as the targeting contract spells them: only what this inventory aims at. */
function termsOf(request: Request): Record<string, string[]> {
  const place = (request.site ?? request.app)!;
  const { device, imp } = request;
  return {
    country: [device.geo.country],
    region: [device.geo.region],
    deviceType: [`${device.devicetype}`],
    os: [device.os.toLowerCase()],
    connectionType: [`${device.connectiontype}`],
    language: [device.language],
    domain: [place.domain],
    bundle: place.bundle === undefined ? [] : [place.bundle],
    category: place.cat.flatMap((code) => [code, code.split('-')[0]!]),
    keyword: place.keywords.split(','),
    size: imp.map(({ banner }) => `${banner.w}x${banner.h}`),
    exchange: ['demo'],
    segment: request.user.data.flatMap((data) => data.segment.map((segment) => `${data.id}:${segment.id}`)),
  };
}

function matches(lineItem: LineItem, terms: Record<string, string[]>, request: Request): boolean {
  for (const [dimension, rule] of Object.entries(lineItem.targeting.terms)) {
    const own = terms[dimension] ?? [];
    if (rule.include.length > 0 && !own.some((term) => rule.include.includes(term))) return false;
    if (own.some((term) => rule.exclude.includes(term))) return false;
  }
  const { lat, lon } = request.device.geo;
  const circles = lineItem.targeting.within;
  return circles.length === 0 || circles.some((circle) => kilometres(circle, { lat, lon }) <= circle.km);
}

function kilometres(a: { lat: number; lon: number }, b: { lat: number; lon: number }): number {
  const radians = Math.PI / 180;
  const x = (b.lon - a.lon) * radians * Math.cos(((a.lat + b.lat) / 2) * radians);
  return 6371 * Math.hypot(x, (b.lat - a.lat) * radians);
}

describe('the benchmark inventory and traffic', () => {
  it('are the same for the same seed', () => {
    expect(createInventory({ seed: 3, lineItems: 50 })).toEqual(createInventory({ seed: 3, lineItems: 50 }));
    expect(createTraffic({ seed: 3, count: 20 })).toEqual(createTraffic({ seed: 3, count: 20 }));
    expect(createTraffic({ seed: 3, count: 1 })).not.toEqual(createTraffic({ seed: 4, count: 1 }));
  });

  it('keep the data contracts', () => {
    const inventory = createInventory({ seed: 1, lineItems: 300 });
    for (const change of inventory.changes) expect(campaignChangeSchema.parse(change)).toEqual(change);
    for (const message of createGrants(inventory, '00c0ffee', 1)) pacingMessageSchema.parse(message);
    expect(inventory.lineItems).toHaveLength(300);
  });

  it('sends requests of 2 KB', () => {
    const sizes = createTraffic({ seed: 5, count: 500 }).map((body) => body.length);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(2040);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2500);
  });

  it('matches about 1.2 % of winnable traffic, and nearly every winnable request something', () => {
    const { lineItems } = createInventory({ seed: 1, lineItems: 1000 });
    const requests = createTraffic({ seed: 2, count: 300, unwinnableShare: 0 }).map(
      (body) => JSON.parse(body.toString()) as Request,
    );
    const perRequest = requests.map((request) => {
      const terms = termsOf(request);
      return lineItems.filter((lineItem) => matches(lineItem, terms, request)).length;
    });
    const share = perRequest.reduce((sum, count) => sum + count, 0) / (requests.length * lineItems.length);
    console.info(`matched share ${(share * 100).toFixed(2)} %`);
    expect(share).toBeGreaterThan(0.009);
    expect(share).toBeLessThan(0.015);
    expect(perRequest.filter((count) => count === 0).length).toBe(0);
  });
});
