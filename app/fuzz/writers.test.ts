import { DOMParser } from '@xmldom/xmldom';
import { describe, expect, it } from 'vitest';
import { creativeSchema } from '../../core/campaign.ts';
import { seededRandom } from '../../core/random.ts';
import { nativeFits, readNative } from '../../engine/auction/nativeoffer.ts';
import { defaultProfile } from '../../engine/config.ts';
import { html } from '../../engine/creative/banner.ts';
import { linksFor } from '../../engine/creative/links.ts';
import { nativeAssets, nativeMarkup, nativeVariant } from '../../engine/creative/native.ts';
import { PLACE, withoutPlaces } from '../../engine/creative/template.ts';
import { cdata, vastMarkup } from '../../engine/creative/vast.ts';
import { createHarness } from '../../reporting/api/fakes.case.ts';
import { budget, seed } from './budget.case.ts';
import { fuzz } from './mutate.case.ts';

const links = linksFor('https://bid.example', defaultProfile);

describe(`fuzz of writers, seed ${seed}`, () => {
  it('VAST stays well-formed whatever an advertiser writes', async () => {
    const base = {
      id: 1,
      lineItemId: 1,
      name: 'V',
      format: 'video',
      landingUrl: 'https://a.example/',
      adomain: ['a.example'],
    };
    const seeds = ['https://cdn.example/v.mp4?a=1&b=2', 'https://cdn.example/]]>x', 'https://cdn.example/"\'<x>'].map(
      (text) => Buffer.from(text),
    );
    const outcomes = await fuzz(seeds, budget, seededRandom(seed), (input) => {
      const text = input.toString('utf8').slice(0, 1500);
      const parsed = creativeSchema.safeParse({
        ...base,
        name: text.slice(0, 100) || 'x',
        video: {
          durationSeconds: 15,
          mediaFiles: [{ url: text, mime: text.slice(0, 60), w: 640, h: 360, bitrateKbps: 900 }],
        },
      });
      if (!parsed.success) return `refused ${parsed.error.issues[0]?.path.join('.')}`;
      const markup = vastMarkup(parsed.data, links, '4.2');
      const faults: string[] = [];
      const document = new DOMParser({
        errorHandler: (level: string, message: string) => void faults.push(`${level} ${message}`),
      }).parseFromString(markup, 'text/xml');
      expect(faults).toEqual([]);
      const files = document.getElementsByTagName('MediaFile');
      expect(files.length, 'no element was injected').toBe(1);
      expect(document.getElementsByTagName('Impression').length).toBe(1);
      return `vast ${markup.length >> 3}`;
    });
    expect([...outcomes].some((one) => one.startsWith('vast'))).toBe(true);
  });

  it('native ads stay what was asked for, whatever an exchange asks and an advertiser writes', async () => {
    const asked = [
      '{"ver":"1.2","assets":[{"id":1,"required":1,"title":{"len":25}},{"id":2,"img":{"type":3,"wmin":300,"hmin":250}}],"eventtrackers":[{"event":1,"methods":[1]}]}',
      '{"native":{"ver":"1.1","assets":[{"id":"7","data":{"type":2,"len":"90"}},{"id":3,"data":{"type":1}}]}}',
    ].map((text) => Buffer.from(text));
    const outcomes = await fuzz(asked, budget, seededRandom(seed), (input) => {
      const text = input.toString('utf8');
      const parsed = creativeSchema.safeParse({
        ...{
          id: 1,
          lineItemId: 1,
          name: 'N',
          format: 'native',
          landingUrl: 'https://a.example/',
          adomain: ['a.example'],
        },
        native: {
          title: text.slice(0, 20) || 'x',
          description: text.slice(-40),
          sponsoredBy: text.slice(10, 30),
          image: { url: 'https://cdn.example/n.jpg', w: 1200, h: 627 },
        },
      });
      const offer = readNative(text);
      if (!parsed.success || offer === null) return `unread ${parsed.success}`;
      const escaped = nativeAssets(offer, parsed.data);
      const template = nativeMarkup(links, nativeVariant(offer));
      const answer = JSON.parse(template.replace(PLACE.assets, () => JSON.parse(`"${escaped}"`) as string));
      const { assets, link, ...rest } = offer.wrapped ? answer.native : answer;
      expect(link).toEqual({ url: links.click });
      expect(Object.keys(rest), 'no field was injected').toEqual([
        'ver',
        offer.eventTrackers ? 'eventtrackers' : 'imptrackers',
      ]);
      expect(assets.length).toBeLessThanOrEqual(offer.assets.length);
      const { title } = parsed.data.native!;
      for (const asset of assets) if (asset.title !== undefined) expect(asset.title.text).toBe(withoutPlaces(title));
      return `native ${nativeFits(offer, parsed.data.native!)} ${assets.length} ${offer.assets.length} ${nativeVariant(offer)}`;
    });
    expect([...outcomes].some((one) => one.startsWith('native true'))).toBe(true);
  });

  it('escapes for attributes and CDATA let nothing out', async () => {
    await fuzz([Buffer.from('a"b<c>d&e]]>f')], budget, seededRandom(seed), (input) => {
      const text = input.toString('utf8');
      expect(html(text)).not.toMatch(/["<>]/);
      const wrapped = cdata(withoutPlaces(text));
      const inner = wrapped.split(']]>').length - 1;
      expect(wrapped.split('<![CDATA[').length - 1).toBeGreaterThanOrEqual(inner);
      expect(withoutPlaces(text)).not.toMatch(/[\uE001-\uE003]/);
      return `${text.length >> 2}`;
    });
  });

  it('the API answers any body and any query without a fault of its own', async () => {
    const api = await createHarness([], { limits: { maxRequestsPerMinute: 1_000_000_000 } });
    const made = await api.call('POST', '/api/v1/advertisers', { body: { name: 'Acme', timeZone: 'UTC' } });
    const campaign = {
      advertiserId: made.json.id,
      name: 'C',
      budget: { dailyMicros: 5_000_000 },
      lineItems: [{ name: 'L', goal: { type: 'cpm', bidCpmMicros: 1 } }],
    };
    const seeds = [JSON.stringify(campaign), '{"name":"x"}', '?from=2026-11-22&metrics=impressions'].map((text) =>
      Buffer.from(text),
    );
    const outcomes = await fuzz(seeds, Math.ceil(budget / 20), seededRandom(seed), async (input) => {
      const text = input.toString('utf8');
      let body: unknown;
      try {
        body = JSON.parse(text);
      } catch {
        body = undefined;
      }
      const answer =
        body === undefined
          ? await api.call('GET', `/api/v1/reports?${new URLSearchParams(text)}`)
          : await api.call('POST', '/api/v1/campaigns', { body });
      expect(answer.status, answer.text).toBeLessThan(500);
      if (answer.status >= 400) expect(answer.json.code).toMatch(/^[a-z_]+$/);
      return `${answer.status} ${answer.json?.code} ${answer.json?.field}`;
    });
    expect(outcomes.size).toBeGreaterThan(2);
  });
});
