import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { createHarness, IMAGES_DIR } from './fakes.case.ts';
import { png } from './media.case.ts';
import { operations } from './operations.ts';

afterAll(() => rmSync(IMAGES_DIR, { recursive: true, force: true }));

const guarded = { headers: { 'if-match': '*' } };

describe('the audit log of everything else', () => {
  it('keeps who made what of it, from what to what, and never a secret', async () => {
    const api = await createHarness([], { reload: () => {} });
    const made: string[] = [];
    const secrets: string[] = [];
    const call = async (method: string, path: string, body?: object, more = {}) => {
      const answer = await api.call(method, `/api/v1${path}`, { ...(body === undefined ? {} : { body }), ...more });
      expect(answer.status, answer.text).toBeLessThan(300);
      made.push(`${method} ${path.replace(/^\/([a-z-]+)\/[^/]+/, '/$1/{id}')}`);
      for (const field of ['key', 'secret']) if (answer.json?.[field] !== undefined) secrets.push(answer.json[field]);
      return answer.json;
    };
    const latest = async (kind: string) => (await api.call('GET', `/api/v1/audit?kind=${kind}&limit=1`)).json.items[0];

    const { id: advertiserId } = await call('POST', '/advertisers', { name: 'A' });
    const key = await call('POST', '/keys', { name: 'Key', role: 'advertiser', advertiserId });
    expect(await latest('key')).toMatchObject({
      action: 'create',
      entityId: key.id,
      name: 'Key',
      actor: { keyId: 'bootstrap' },
    });
    await call('DELETE', `/keys/${key.id}`);
    expect((await latest('key')).fields).toEqual([{ field: 'revokedMs', from: null, to: expect.any(Number) }]);
    await call('DELETE', `/keys/${key.id}`);
    expect((await api.call('GET', '/api/v1/audit?kind=key')).json.items, 'nothing changed').toHaveLength(2);

    const password = 'a password nobody may read';
    secrets.push(password);
    await call('POST', '/users', { email: 'o@example.com', name: 'O', password, role: 'operator' });
    expect((await latest('user')).fields).toContainEqual({ field: 'role', from: null, to: 'operator' });
    expect(
      (
        await api.call('POST', '/api/v1/users', {
          body: { email: 'o@example.com', name: 'O', password, role: 'operator' },
        })
      ).status,
    ).toBe(409);
    await call('DELETE', '/users/o@example.com');
    expect(await latest('user')).toMatchObject({ action: 'delete', entityId: 'o@example.com' });

    const hook = await call('POST', '/webhooks', { url: 'https://hooks.example.com/T0/B0/topsecretpath' });
    secrets.push('topsecretpath');
    expect((await latest('webhook')).fields).toContainEqual({
      field: 'url',
      from: null,
      to: 'https://hooks.example.com/…',
    });
    await call('DELETE', `/webhooks/${hook.id}`);
    expect(await latest('webhook')).toMatchObject({ action: 'delete', name: 'hooks.example.com' });

    const audience = await call('POST', '/audiences', { advertiserId, name: 'Buyers' });
    await call('PATCH', `/audiences/${audience.id}`, { status: 'paused' }, guarded);
    expect((await latest('audience')).fields).toEqual([{ field: 'status', from: 'active', to: 'paused' }]);
    const upload = await api.call('POST', `/api/v1/audiences/${audience.id}/users`, {
      body: 'ab',
      headers: { 'content-type': 'text/csv' },
    });
    expect(upload.status).toBe(200);
    expect(await latest('audience')).toMatchObject({ action: 'upload', entityId: audience.id });
    await call('DELETE', `/audiences/${audience.id}`);
    expect((await latest('audience')).action).toBe('delete');

    const report = await call('POST', '/saved-reports', {
      name: 'R',
      query: 'period=today',
      deliverTo: 'https://in.example.com/topsecretpath',
    });
    await call('PATCH', `/saved-reports/${report.id}`, { name: 'S', query: 'period=yesterday' }, guarded);
    expect((await latest('saved_report')).fields).toEqual([
      { field: 'name', from: 'R', to: 'S' },
      { field: 'query', from: 'period=today', to: 'period=yesterday' },
    ]);
    await call('POST', `/saved-reports/${report.id}/runs`);
    expect((await latest('saved_report')).action).toBe('run');
    await call('DELETE', `/saved-reports/${report.id}`);
    await call('PUT', '/switches/all', { on: true, reason: 'a test' });
    expect(await latest('switch')).toMatchObject({ entityId: 'all', action: 'update' });

    await call('POST', '/reload');
    expect(await latest('configuration')).toMatchObject({ action: 'reload', actor: { keyId: 'bootstrap' } });
    const image = (await api.upload('images', png(30, 25), 'image/png')).json;
    expect(await latest('image')).toMatchObject({ action: 'create', actor: { keyId: 'bootstrap' } });
    await call('DELETE', `/ad-files/${image.url.split('/').at(-1)}`);
    expect(await latest('image')).toMatchObject({ action: 'delete', entityId: image.url.split('/').at(-1) });

    const all = (await api.call('GET', '/api/v1/audit?limit=1000')).text;
    expect(secrets).toHaveLength(5);
    for (const secret of secrets) expect(all).not.toContain(secret);

    // What changes something and is not called above is kept elsewhere, or nothing to keep.
    const others = [
      'POST /session',
      'DELETE /session',
      'POST /traffic/estimate',
      'POST /campaigns/import',
      'POST /images',
      'POST /media',
      'POST /previews',
      'POST /audiences/{id}/users',
    ];
    const entities = /^(POST|PATCH) \/(advertisers|campaigns|line-items|creatives)/;
    const changing = operations
      .filter(({ method }) => method !== 'get')
      .map(({ method, path }) => `${method.toUpperCase()} ${path}`)
      .filter((name) => !entities.test(name) && !others.includes(name));
    expect(changing.filter((name) => !made.includes(name))).toEqual([]);
  });

  it('marks what may not have happened', async () => {
    const api = await createHarness();
    const { documents } = api.services;
    const { put } = documents;
    documents.put = async (collection, id, value) => {
      if (collection === 'webhook') throw new Error('disk full');
      await put(collection, id, value);
    };
    expect((await api.call('POST', '/api/v1/webhooks', { body: { url: 'https://x.example.com/' } })).status).toBe(500);
    const [entry] = (await api.call('GET', '/api/v1/audit')).json.items;
    expect(entry).toMatchObject({ kind: 'webhook', unconfirmed: true });
  });
});
