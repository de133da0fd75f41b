import { describe, expect, it } from 'vitest';
import { createHarness } from './fakes.case.ts';

describe('audiences', () => {
  it('are created, filled by a stream, paused, and forgotten', async () => {
    const api = await createHarness();
    const advertiserId = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'A' } })).json.id;
    const made = await api.call('POST', '/api/v1/audiences', { body: { advertiserId, name: 'Buyers' } });
    expect(made.json).toMatchObject({ name: 'Buyers', users: 0, status: 'active' });
    const path = `/api/v1/audiences/${made.json.id}`;
    const body = Array.from({ length: 3000 }, (_, i) => i.toString(16).padStart(64, '0')).join('\n');
    expect(body.length).toBeGreaterThan(100_000);
    const upload = await api.call('POST', `${path}/users?mode=add`, { body, headers: { 'content-type': 'text/csv' } });
    expect(upload.json, upload.text).toMatchObject({ accepted: 3000, users: 3000 });
    expect((await api.call('GET', path)).json.users).toBe(3000);
    expect((await api.call('PATCH', path, { body: { status: 'paused' } })).status).toBe(428);
    const paused = await api.call('PATCH', path, { body: { status: 'paused' }, headers: { 'if-match': '"v1"' } });
    expect(paused.json).toMatchObject({ status: 'paused', version: 2, users: 3000 });
    expect((await api.call('DELETE', path)).status).toBe(204);
    expect((await api.call('GET', path)).status).toBe(404);
  });

  it('refuse an upload that is too large or of an unknown mode', async () => {
    const api = await createHarness([], { limits: { maxUploadBytes: 1000 } });
    const advertiserId = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'A' } })).json.id;
    const { id } = (await api.call('POST', '/api/v1/audiences', { body: { advertiserId, name: 'B' } })).json;
    const send = (mode: string, body: string) =>
      api.call('POST', `/api/v1/audiences/${id}/users?mode=${mode}`, { body, headers: { 'content-type': 'text/csv' } });
    expect((await send('add', 'x\n'.repeat(501))).json.code).toBe('body_too_large');
    expect((await send('multiply', 'x')).json.field).toBe('mode');
  });
});
