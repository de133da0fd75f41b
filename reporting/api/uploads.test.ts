import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createHarness, IMAGES_DIR } from './fakes.case.ts';
import { imageInfo } from './imageinfo.ts';
import { mp4, png, webm } from './media.case.ts';
import { mediaInfo } from './mediainfo.ts';
import { MAX_DRAFTS } from './preview.ts';

afterAll(() => rmSync(IMAGES_DIR, { recursive: true, force: true }));

const jpeg = (w: number, h: number): Buffer => {
  const frame = Buffer.from([0xff, 0xc2, 0, 17, 8, h >> 8, h & 255, w >> 8, w & 255, 3, ...new Array(30).fill(0)]);
  return Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 6, 1, 2, 3, 4, 0xff, 0xff, 0xc4, 0, 4, 0, 0]), frame]);
};

describe('files of ads', () => {
  it('say their size in their own bytes', () => {
    expect(imageInfo(png(300, 250))).toEqual({ type: 'png', w: 300, h: 250 });
    expect(imageInfo(jpeg(728, 90))).toEqual({ type: 'jpg', w: 728, h: 90 });
    const gif = Buffer.concat([Buffer.from('GIF89a'), Buffer.from([44, 1, 250, 0]), Buffer.alloc(30)]);
    expect(imageInfo(gif)).toEqual({ type: 'gif', w: 300, h: 250 });
    const webp = Buffer.alloc(40);
    webp.write('RIFF\0\0\0\0WEBPVP8X', 'latin1');
    webp.writeUIntLE(299, 24, 3);
    webp.writeUIntLE(249, 27, 3);
    expect(imageInfo(webp)).toEqual({ type: 'webp', w: 300, h: 250 });
    expect(imageInfo(Buffer.from('<svg onload="alert(1)"></svg>'.repeat(3)))).toBeNull();
  });

  it('never take the reader down, whatever their bytes are', () => {
    const starts = [[], [0xff, 0xd8], [...png(1, 1).subarray(0, 16)], [...Buffer.from('RIFF\0\0\0\0WEBPVP8L')]];
    const anything = fc.tuple(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 200 }));
    fc.assert(
      fc.property(anything, ([start, rest]) => {
        const info = imageInfo(Buffer.from([...start, ...rest]));
        expect(info === null || (info.w > 0 && info.h > 0)).toBe(true);
      }),
    );
  });

  it('are kept once, told with their size, and served to everybody as what they are', async () => {
    const api = await createHarness([], { limits: { maxBodyBytes: 1_000_000 } });
    const key = await api.keyFor('advertiser', 1);
    const upload = async (bytes: Buffer, type = 'image/png', as = key) => {
      const headers = { authorization: `Bearer ${as}`, 'content-type': type };
      const response = await api.app.request('http://ads.example/api/v1/images', {
        method: 'POST',
        headers,
        body: new Uint8Array(bytes),
      });
      return { status: response.status, json: await response.json() };
    };
    const made = await upload(png(300, 250));
    expect(made).toMatchObject({ status: 201, json: { mime: 'image/png', w: 300, h: 250, bytes: 64 } });
    expect(made.json.url).toMatch(/^http:\/\/ads\.example\/files\/[0-9a-f]{40}\.png$/);
    expect((await upload(png(300, 250))).json.url).toBe(made.json.url);
    const served = await api.app.request(made.json.url);
    expect([served.status, served.headers.get('content-type'), served.headers.get('x-content-type-options')]).toEqual([
      200,
      'image/png',
      'nosniff',
    ]);
    // Ads are shown by pages of other sites.
    expect(served.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect(Buffer.from(await served.arrayBuffer()).equals(png(300, 250))).toBe(true);
    expect((await api.app.request('/files/..%2f..%2fapi.lmdb')).status).toBe(404);
    expect((await upload(Buffer.from('<svg/>'.repeat(9)))).json).toMatchObject({ code: 'invalid_field' });
    expect((await upload(png(300, 250), 'application/json')).status).toBe(415);
    expect((await upload(Buffer.concat([png(300, 250), Buffer.alloc(600_000)]))).status).toBe(413);
    expect((await upload(png(300, 250), 'image/png', await api.keyFor('read_only', 1))).status).toBe(403);
  });

  it('of media say how long they last', () => {
    expect(mediaInfo(mp4(15.2, 640, 360))).toEqual({ type: 'mp4', seconds: 15.2, w: 640, h: 360 });
    expect(mediaInfo(mp4(30, 0, 0))).toEqual({ type: 'm4a', seconds: 30, w: 0, h: 0 });
    expect(mediaInfo(webm(6.5, 1280, 720))).toEqual({ type: 'webm', seconds: 6.5, w: 1280, h: 720 });
    // A second of MPEG 1 layer III at 128 kbit/s after an ID3 tag.
    const tag = Buffer.from([...Buffer.from('ID3'), 4, 0, 0, 0, 0, 0, 100, ...new Array(100).fill(0)]);
    const mp3 = Buffer.concat([tag, Buffer.from([0xff, 0xfb, 0x90, 0]), Buffer.alloc(15_996)]);
    expect(mediaInfo(mp3)).toEqual({ type: 'mp3', seconds: 1, w: 0, h: 0 });
    expect(mediaInfo(mp4(0, 640, 360)), 'does not say how long').toBeNull();
    expect(mediaInfo(Buffer.from('#EXTM3U\n'.repeat(20)))).toBeNull();
  });

  it('of media never take the reader down', () => {
    const starts = [mp4(1, 2, 2), webm(1, 2, 2), Buffer.from([0xff, 0xfb, 0x90, 0]), Buffer.from('ID3')];
    const broken = fc.tuple(fc.constantFrom(...starts), fc.nat(120), fc.uint8Array({ maxLength: 90 }));
    fc.assert(
      fc.property(broken, ([start, cut, rest]) => {
        const info = mediaInfo(Buffer.concat([start.subarray(0, cut), rest]));
        expect(info === null || info.seconds > 0).toBe(true);
      }),
    );
  });

  it('are served in the parts that players ask for', async () => {
    const api = await createHarness([], { limits: { maxBodyBytes: 1000 } });
    const key = await api.keyFor('advertiser', 1);
    const film = Buffer.concat([mp4(15.2, 640, 360), Buffer.alloc(5000, 7)]);
    const upload = (bytes: Buffer, type: string) =>
      api.app.request('http://ads.example/api/v1/media', {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': type },
        body: new Uint8Array(bytes),
      });
    const answer = await upload(film, 'video/mp4');
    const made = (await answer.json()) as { url: string };
    expect([answer.status, made]).toEqual([
      201,
      expect.objectContaining({
        mime: 'video/mp4',
        w: 640,
        h: 360,
        bytes: film.length,
        durationSeconds: 15,
        bitrateKbps: 3,
      }),
    ]);
    const ask = (range: string) => api.app.request(made.url, { headers: { range } });
    const part = await ask('bytes=10-19');
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 10-19/${film.length}`]);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(film.subarray(10, 20));
    const end = await ask('bytes=-8');
    expect(Buffer.from(await end.arrayBuffer())).toEqual(film.subarray(-8));
    expect((await ask('bytes=99999-')).status).toBe(416);
    expect(Buffer.from(await (await ask('chapters=1')).arrayBuffer()).equals(film)).toBe(true);
    expect((await upload(film, 'image/png')).status).toBe(415);
    expect((await upload(Buffer.alloc(2000), 'video/mp4')).status).toBe(422);
  });

  it('are refused when the server has no room for them, however many come at once', async () => {
    const dir = join(IMAGES_DIR, 'full');
    const size = 1000;
    const open = () => createHarness([], { limits: { maxAdFilesBytes: 2 * size }, adFiles: { dir, publicUrl: null } });
    const film = (n: number): Buffer => {
      const start = mp4(10 + n, 640, 360);
      return Buffer.concat([start, Buffer.alloc(size - start.length, 7)]);
    };
    const send = async ({ app, keyFor }: Awaited<ReturnType<typeof open>>, n: number, path = 'media') => {
      const type = path === 'media' ? 'video/mp4' : 'image/png';
      const headers = { authorization: `Bearer ${await keyFor('advertiser', 1)}`, 'content-type': type };
      const body = new Uint8Array(path === 'media' ? film(n) : png(n, n));
      const answer = await app.request(`http://ads.example/api/v1/${path}`, { method: 'POST', headers, body });
      return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
    };
    const api = await open();
    const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => send(api, n)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409]);
    const refused = answers.find(({ status }) => status === 409)!.json;
    expect(refused).toMatchObject({ code: 'ad_files_full', detail: expect.stringContaining('adFilesMaxBytes') });
    expect(readdirSync(dir)).toHaveLength(2);
    const again = 1 + answers.findIndex(({ status }) => status === 201);
    expect((await send(api, again)).status, 'what is kept already takes no more room').toBe(201);
    expect((await send(api, 5, 'images')).json, 'images share the room').toMatchObject({ code: 'ad_files_full' });
    const later = await open();
    expect((await send(later, 9)).json, 'after a restart, too').toMatchObject({ code: 'ad_files_full' });
  });

  it('are listed for whoever brought them, and go when no ad shows them any more', async () => {
    const dir = join(IMAGES_DIR, 'list');
    const api = await createHarness([], { adFiles: { dir, publicUrl: 'https://cdn.example' } });
    const owner = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'Owner' } })).json.id;
    const other = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'Other' } })).json.id;
    const [key, otherKey] = [await api.keyFor('advertiser', owner), await api.keyFor('advertiser', other)];
    const list = async (as: string, query = '') =>
      (await api.call('GET', `/api/v1/ad-files${query}`, { key: as })).json.items;
    const remove = (id: string, as: string) => api.call('DELETE', `/api/v1/ad-files/${id}`, { key: as });
    const { url } = (await api.upload('images', png(300, 250), 'image/png', key)).json;
    api.clock.advance(1000);
    const film = (await api.upload('media', mp4(15, 640, 360), 'video/mp4', key)).json;
    const id = url.split('/').at(-1);
    const lineItems = [{ name: 'L', goal: { type: 'cpm', bidCpmMicros: 1_000_000 } }];
    const body = { advertiserId: owner, name: 'C', lineItems };
    const campaignId = (await api.call('POST', '/api/v1/campaigns', { body, key })).json.id;
    const lineItemId = api.services.directory.childrenOf('campaign', campaignId)[0];
    const ad = {
      lineItemId,
      name: 'Ad',
      format: 'banner',
      banner: { w: 300, h: 250, html: `<a href="\${CLICK_URL}"><img src="${url}"></a>` },
      landingUrl: 'https://x.example.com/',
      adomain: ['x.example.com'],
    };
    const creativeId = (await api.call('POST', '/api/v1/creatives', { body: ad, key })).json.id;
    expect(await list(key)).toEqual([
      expect.objectContaining({ url: film.url, kind: 'media', mime: 'video/mp4', durationSeconds: 15, usedBy: [] }),
      {
        ...{ id, url, kind: 'image', mime: 'image/png', bytes: 64, w: 300, h: 250, durationSeconds: null },
        uploadedMs: expect.any(Number),
        usedBy: [{ creativeId, name: 'Ad', campaignId }],
      },
    ]);
    expect([await list(key, '?used=false'), await list(key, '?kind=image')]).toMatchObject([
      [{ kind: 'media' }],
      [{ id }],
    ]);
    expect(await list(otherKey)).toEqual([]);
    expect((await remove(id, otherKey)).status).toBe(404);
    expect((await remove(id, await api.keyFor('read_only', owner))).status).toBe(403);
    expect((await remove(id, key)).json).toMatchObject({
      status: 409,
      code: 'file_in_use',
      detail: expect.stringContaining('“Ad”'),
    });

    // The other brings the same picture: it is told nothing of the first, and takes back only its own.
    await api.upload('images', png(300, 250), 'image/png', otherKey);
    expect(await list(otherKey)).toMatchObject([{ id, usedBy: [] }]);
    expect((await remove(id, otherKey)).status).toBe(204);
    expect([await list(otherKey), (await list(key)).length]).toEqual([[], 2]);

    const patch = { body: { status: 'archived' }, key, headers: { 'if-match': '*' } };
    await api.call('PATCH', `/api/v1/creatives/${creativeId}`, patch);
    expect((await remove(id, key)).status).toBe(204);
    expect(readdirSync(dir)).toEqual([film.url.split('/').at(-1)]);
    expect((await api.app.request(`/files/${id}`)).status).toBe(404);
    expect((await api.upload('images', png(300, 250), 'image/png', key)).json.url, 'can be brought again').toBe(url);
    expect((await api.app.request(`/files/${id}`)).status).toBe(200);
  });

  it('that an ad of somebody else shows are left to the operators', async () => {
    const dir = join(IMAGES_DIR, 'left');
    const api = await createHarness([], { adFiles: { dir, publicUrl: null }, limits: { maxAdFilesBytes: 64 } });
    const owner = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'Owner' } })).json.id;
    const other = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'Other' } })).json.id;
    const key = await api.keyFor('advertiser', owner);
    const { url } = (await api.upload('images', png(300, 250), 'image/png', key)).json;
    const creatives = [
      {
        name: 'Ad',
        format: 'banner',
        banner: { w: 300, h: 250, imageUrl: url },
        landingUrl: 'https://x.example.com/',
        adomain: ['x.example.com'],
      },
    ];
    const lineItems = [{ name: 'L', goal: { type: 'cpm', bidCpmMicros: 1_000_000 }, creatives }];
    const made = await api.call('POST', '/api/v1/campaigns', { body: { advertiserId: other, name: 'C', lineItems } });
    expect(made.status, made.text).toBe(201);
    const path = `/api/v1/ad-files/${url.split('/').at(-1)}`;
    expect((await api.call('DELETE', path, { key })).status).toBe(204);
    expect((await api.call('GET', '/api/v1/ad-files', { key })).json.items).toEqual([]);
    expect((await api.app.request(url)).status).toBe(200);
    expect((await api.call('DELETE', path)).json.code).toBe('file_in_use');
    const [ad] = [...api.services.directory.all('creative')];
    const patch = { body: { status: 'archived' }, headers: { 'if-match': '*' } };
    await api.call('PATCH', `/api/v1/creatives/${ad!.id}`, patch);
    expect((await api.upload('images', png(3, 3), 'image/png', key)).json.code).toBe('ad_files_full');
    expect((await api.call('DELETE', path)).status).toBe(204);
    expect((await api.upload('images', png(3, 3), 'image/png', key)).status, 'there is room again').toBe(201);
  });

  it('can be looked at before the ad is saved, by nobody else', async () => {
    const api = await createHarness();
    const key = await api.keyFor('advertiser', 1);
    const body = { format: 'banner', banner: { w: 300, h: 250, html: '<b>Unsaved</b>' } };
    const made = await api.call('POST', '/api/v1/previews', { body, key });
    expect(made.status).toBe(201);
    const seen = await api.call('GET', `/api/v1/previews/${made.json.id}`, { key });
    expect(seen.text).toContain('<b>Unsaved</b>');
    expect(seen.headers.get('content-security-policy')).toContain('sandbox allow-scripts');
    const other = await api.keyFor('advertiser', 1);
    expect((await api.call('GET', `/api/v1/previews/${made.json.id}`, { key: other })).status).toBe(404);
    api.clock.advance(301_000);
    expect((await api.call('GET', `/api/v1/previews/${made.json.id}`, { key })).status).toBe(404);
    expect((await api.call('POST', '/api/v1/previews', { body: { format: 'banner', banner: {} }, key })).status).toBe(
      422,
    );
  });

  it('are kept for a look a limited number at a time: the oldest goes first', async () => {
    const api = await createHarness([], { limits: { maxBodyBytes: 100_000 } });
    const key = await api.keyFor('advertiser', 1);
    const look = async (html: string) => {
      const body = { format: 'banner', banner: { w: 300, h: 250, html } };
      const made = await api.call('POST', '/api/v1/previews', { body, key });
      expect(made.status, made.text).toBe(201);
      return `/api/v1/previews/${made.json.id}`;
    };
    const paths: string[] = [];
    for (let i = 0; i <= MAX_DRAFTS; i++) paths.push(await look(`<b>${i}</b>`));
    const statuses: number[] = [];
    for (const path of paths) statuses.push((await api.call('GET', path, { key })).status);
    expect(statuses.indexOf(200)).toBe(1);
    expect(statuses.filter((status) => status === 200)).toHaveLength(MAX_DRAFTS);
    const large = { format: 'banner', banner: { w: 300, h: 250, html: 'x'.repeat(65_537) } };
    const refused = await api.call('POST', '/api/v1/previews', { body: large, key });
    expect(refused.json).toMatchObject({ code: 'invalid_field', field: 'banner.html' });
    expect((await api.call('GET', paths[1]!, { key })).status, 'what is refused pushes nothing out').toBe(200);
    const own = await look('<i>of an operator</i>');
    expect((await api.call('GET', own)).status).toBe(404);
  });
});
