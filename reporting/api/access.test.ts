import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createMemoryDocuments } from './documents.ts';
import { createHarness, OPERATOR_KEY, START_MS } from './fakes.case.ts';
import { createLmdbDocuments } from './lmdbdocuments.ts';
import { openApiDocument } from './openapi.ts';
import { operations } from './operations.ts';

describe('keys', () => {
  it('shows a key once, keeps only its hash, and can revoke it', async () => {
    const api = await createHarness();
    const made = await api.call('POST', '/api/v1/keys', { body: { name: 'ci', role: 'read_only' } });
    expect(made.status).toBe(201);
    const key: string = made.json.key;
    expect(Buffer.from(key.slice(3), 'base64url')).toHaveLength(32);
    const stored = JSON.stringify([
      ...api.services.documents.list('key', { limit: 9 }),
      ...api.services.documents.list('keyhash', { limit: 9 }),
    ]);
    expect(stored).not.toContain(key);
    expect((await api.call('GET', '/api/v1/keys')).text).not.toContain(key);
    expect((await api.call('GET', '/api/v1/me', { key })).json).toEqual({
      name: 'ci',
      role: 'read_only',
      advertiserId: null,
      timeZone: null,
      currency: null,
    });
    expect((await api.call('POST', '/api/v1/advertisers', { key, body: { name: 'x' } })).status).toBe(403);
    expect((await api.call('DELETE', `/api/v1/keys/${made.json.id}`)).status).toBe(200);
    expect((await api.call('GET', '/api/v1/me', { key })).status).toBe(401);
  });

  it('lets a key expire', async () => {
    const api = await createHarness();
    const made = await api.call('POST', '/api/v1/keys', {
      body: { name: 'k', role: 'operator', expiresMs: START_MS + 1000 },
    });
    expect((await api.call('GET', '/api/v1/me', { key: made.json.key })).status).toBe(200);
    api.clock.advance(1000);
    expect((await api.call('GET', '/api/v1/me', { key: made.json.key })).status).toBe(401);
  });

  it('asks for a key and says how', async () => {
    const api = await createHarness();
    const answer = await api.call('GET', '/api/v1/campaigns', { key: null });
    expect([answer.status, answer.json.code, answer.headers.get('www-authenticate')]).toEqual([
      401,
      'unauthenticated',
      'Bearer realm="evenkeel"',
    ]);
    expect((await api.call('GET', '/api/v1/campaigns', { key: 'wrong-key-wrong-key' })).status).toBe(401);
  });
});

describe('sessions', () => {
  it('logs in by key with a cookie scripts can not read', async () => {
    const api = await createHarness();
    const client = { 'x-evenkeel-client': 'test' };
    const login = await api.call('POST', '/api/v1/session', {
      key: null,
      body: { key: OPERATOR_KEY },
      headers: client,
    });
    const cookie = login.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
    const headers = { cookie: cookie.split(';')[0]! };
    expect((await api.call('GET', '/api/v1/me', { key: null, headers })).json.role).toBe('operator');
    const forged = await api.call('POST', '/api/v1/advertisers', { key: null, headers, body: { name: 'x' } });
    expect(forged.json.code).toBe('csrf');
    const cross = { ...headers, ...client, 'sec-fetch-site': 'cross-site' };
    expect(
      (await api.call('POST', '/api/v1/advertisers', { key: null, headers: cross, body: { name: 'x' } })).json.code,
    ).toBe('csrf');
    const own = { ...headers, ...client };
    expect(
      (await api.call('POST', '/api/v1/advertisers', { key: null, headers: own, body: { name: 'x' } })).status,
    ).toBe(201);
    expect((await api.call('DELETE', '/api/v1/session', { key: null, headers: own })).status).toBe(204);
    expect((await api.call('GET', '/api/v1/me', { key: null, headers })).status).toBe(401);
  });

  it('ends with its time', async () => {
    const api = await createHarness();
    const login = await api.call('POST', '/api/v1/session', {
      key: null,
      body: { key: OPERATOR_KEY },
      headers: { 'x-evenkeel-client': 't' },
    });
    const headers = { cookie: login.headers.get('set-cookie')!.split(';')[0]! };
    api.clock.advance(3_600_000);
    expect((await api.call('GET', '/api/v1/me', { key: null, headers })).status).toBe(401);
  });
});

describe('login by e-mail and password', () => {
  const person = { email: 'Ann@Example.com', name: 'Ann', password: 'correct horse battery', role: 'read_only' };
  const headers = { 'x-evenkeel-client': 'test' };

  it('lets a person in, keeps no password, and locks out when the login is taken away', async () => {
    const api = await createHarness();
    const made = await api.call('POST', '/api/v1/users', { body: person });
    expect([made.status, made.json.email], made.text).toEqual([201, 'ann@example.com']);
    expect((await api.call('POST', '/api/v1/users', { body: person })).status).toBe(409);
    expect(JSON.stringify(api.services.documents.list('person', { limit: 9 }))).not.toContain('horse');
    expect((await api.call('GET', '/api/v1/users')).text).not.toMatch(/salt|hash/);
    const body = { email: 'ANN@example.com', password: person.password };
    const login = await api.call('POST', '/api/v1/session', { key: null, headers, body });
    const cookie = { cookie: login.headers.get('set-cookie')!.split(';')[0]! };
    expect((await api.call('GET', '/api/v1/me', { key: null, headers: cookie })).json).toMatchObject({
      name: 'Ann',
      role: 'read_only',
    });
    expect((await api.call('DELETE', '/api/v1/users/ann@example.com')).status).toBe(204);
    expect((await api.call('GET', '/api/v1/me', { key: null, headers: cookie })).status).toBe(401);
  });

  it('slows guessing down', async () => {
    const api = await createHarness();
    await api.call('POST', '/api/v1/users', { body: person });
    const guess = (password: string) =>
      api.call('POST', '/api/v1/session', { key: null, headers, body: { email: 'ann@example.com', password } });
    for (let i = 0; i < 10; i++) expect((await guess(`wrong ${i}`)).status).toBe(401);
    expect((await guess(person.password)).status).toBe(429);
    api.clock.advance(60_000);
    expect((await guess(person.password)).status).toBe(201);
  });
});

describe('open routes', () => {
  it('answers probes, version, metrics and its own description without a key', async () => {
    const api = await createHarness();
    for (const path of ['/healthz/live', '/healthz/ready', '/metrics', '/version', '/api/v1/openapi.json']) {
      expect((await api.call('GET', path, { key: null })).status, path).toBe(200);
    }
    expect((await api.call('GET', '/metrics', { key: null })).text).toContain('evenkeel_api_requests_total');
  });

  it('is described by the committed document', () => {
    const path = new URL('../../docs/openapi.json', import.meta.url);
    const text = `${JSON.stringify(openApiDocument(), null, 2)}\n`;
    if (process.env.EVENKEEL_UPDATE !== undefined) writeFileSync(path, text);
    const advice = 'docs/openapi.json is old: run EVENKEEL_UPDATE=1 npx vitest run --project unit reporting/api/access';
    expect(readFileSync(path, 'utf8') === text, advice).toBe(true);
  });

  it('describes every operation with schemas that exist', () => {
    const document = openApiDocument() as { paths: object; components: { schemas: object } };
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
      (match) => match[1]!,
    );
    expect(references.length).toBeGreaterThan(40);
    for (const name of references) expect(document.components.schemas).toHaveProperty(name);
    expect(Object.keys(document.paths).length).toBe(new Set(operations.map((operation) => operation.path)).size);
  });
});

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-documents-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  ['memory', createMemoryDocuments],
  ['lmdb', () => createLmdbDocuments(join(folder, 'test.lmdb'))],
])('documents in %s', (_, create) => {
  it('keeps, lists in both directions from any place, and removes', async () => {
    const documents = create();
    for (const id of ['b', 'a', 'd', 'c']) await documents.put('x', id, { id });
    await documents.put('y', 'a', 1);
    const ids = (options: Parameters<typeof documents.list>[1]) =>
      documents.list('x', options).map((document) => document.id);
    expect(ids({ limit: 10 })).toEqual(['a', 'b', 'c', 'd']);
    expect(ids({ limit: 2, after: 'a' })).toEqual(['b', 'c']);
    expect(ids({ limit: 2, reverse: true })).toEqual(['d', 'c']);
    expect(ids({ limit: 9, reverse: true, after: 'c' })).toEqual(['b', 'a']);
    await documents.remove('x', 'a');
    expect(documents.get('x', 'a')).toBeUndefined();
    expect(documents.get('x', 'b')).toEqual({ id: 'b' });
    expect(ids({ limit: 10 })).toEqual(['b', 'c', 'd']);
    await documents.close();
  });
});
