import { describe, expect, it } from 'vitest';
import { creativeSchema, type Creative as Kept } from '../../core/campaign.ts';
import { mergePatch } from '../api/resources.ts';
import { creativePatch, creativeText } from './src/creativeedit.ts';

const owned = { id: 1, lineItemId: 2, version: 3, updatedMs: 4 };
const common = { ...owned, name: 'Ad', landingUrl: 'https://www.shop.example.com/', adomain: ['brand.example'] };
const file = { url: 'https://cdn.example.com/big.mp4', mime: 'video/mp4', w: 0, h: 0, bitrateKbps: 900 };
const smaller = { ...file, url: 'https://cdn.example.com/small.mp4', bitrateKbps: 300 };
const picture = { url: 'https://cdn.example.com/a.png', w: 1200, h: 627 };
const ads: readonly Kept[] = [
  { format: 'banner', banner: { w: 300, h: 250, imageUrl: 'https://cdn.example.com/a.png' }, attr: [3] },
  { format: 'banner', banner: { w: 321, h: 51, html: '<a href="${CLICK_URL}">x</a>' }, cat: ['IAB1'] },
  { format: 'video', video: { durationSeconds: 20, mediaFiles: [file, smaller], skipAfterSeconds: 5 } },
  { format: 'video', video: { durationSeconds: 20, vastTagUrl: 'https://tag.example.com/vast' } },
  { format: 'audio', audio: { durationSeconds: 30, mediaFiles: [{ ...file, mime: 'audio/mpeg' }] } },
  { format: 'native', native: { title: 'T', description: 'D', image: picture, icon: { ...picture, w: 80, h: 80 } } },
].map((ad) => creativeSchema.parse({ ...common, ...ad }));

/** What the API makes of a patch. */
const patched = (before: Kept, patch: object): Kept => creativeSchema.parse(mergePatch(before, patch));

describe('an ad that is edited', () => {
  it('stays what it was where nothing was changed', () => {
    for (const ad of ads) expect(patched(ad, creativePatch(creativeText(ad), ad))).toEqual(ad);
  });

  it('can become any other kind of ad, and belongs to where it leads', () => {
    for (const ad of ads) {
      for (const other of ads) {
        const text = { ...creativeText(other), landingUrl: 'https://other.example.com/' };
        const { format, adomain, ...rest } = patched(ad, creativePatch(text, ad));
        expect([format, adomain]).toEqual([other.format, ['other.example.com']]);
        const shown = ['banner', 'video', 'audio', 'native'].filter((kind) => rest[kind as 'banner'] !== null);
        expect(shown).toEqual([format]);
        expect(creativeText({ ...ad, ...rest, format })).toMatchObject({ kind: text.kind, source: text.source });
      }
    }
  });

  it('that gets another film loses the other sizes of the one before', () => {
    const ad = ads[2]!;
    const url = 'https://cdn.example.com/new.mp4';
    const after = patched(ad, creativePatch({ ...creativeText(ad), source: url, w: 640, h: 360 }, ad));
    expect(after.video?.mediaFiles.map((one) => one.url)).toEqual([url]);
  });
});
