import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { staticRoutes } from './staticfiles.ts';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-static-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const pages = join(folder, 'pages');
mkdirSync(join(pages, 'assets'), { recursive: true });
writeFileSync(join(pages, 'index.html'), '<!doctype html>page');
writeFileSync(join(pages, 'assets', 'main.js'), 'console.log(1)');
writeFileSync(join(folder, 'secrets.json'), '{"operatorKey":"hush"}');
const app = staticRoutes(pages);

describe('the dashboard’s files', () => {
  it('run no script but their own, stand in nobody’s frame, and tell nobody where they were', async () => {
    const { headers } = await app.request('/campaigns/7');
    const policy = headers.get('content-security-policy') ?? '';
    for (const part of ["default-src 'none'", "script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"])
      expect(policy.split('; ')).toContain(part);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect([headers.get('x-content-type-options'), headers.get('referrer-policy')]).toEqual(['nosniff', 'no-referrer']);
  });

  it.each([
    '/../secrets.json',
    '/%2e%2e/secrets.json',
    '/assets/..%2f..%2fsecrets.json',
    '/assets/%2e%2e/%2e%2e/secrets.json',
  ])('are all that can be named: %s', async (path) => {
    const answer = await app.request(new Request(`http://localhost${path}`));
    expect(await answer.text()).not.toContain('hush');
    expect(answer.status).toBe(404);
  });
});
