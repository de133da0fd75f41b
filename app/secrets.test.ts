import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from './config/load.ts';
import { loadSecrets } from './secrets.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-secrets-'));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));
const config = (env: Record<string, string> = {}) =>
  loadConfig({ file: null, env: { EVENKEEL_DATA_DIR: dataDir, ...env }, flags: {} }).config;

describe('secrets', () => {
  it('are made once, and readable by their owner only', () => {
    const first = loadSecrets(config());
    expect(loadSecrets(config())).toEqual(first);
    expect(statSync(join(dataDir, 'secrets.json')).mode & 0o077).toBe(0);
    expect(first.tokenKeys[0]?.secret.length).toBe(32);
  });

  it('of the configuration win, so that several machines share them', () => {
    const keys = `2:${'ab'.repeat(16)},1:${'cd'.repeat(16)}`;
    const shared = { EVENKEEL_TOKEN_KEYS: keys, EVENKEEL_USER_SALT: 'a salt for all of us' };
    const secrets = loadSecrets(config(shared));
    expect(secrets.tokenKeys.map(({ id }) => id)).toEqual([2, 1]);
    expect(secrets.userSalt).toEqual({ secret: 'a salt for all of us', periodMs: 90 * 86_400_000 });
  });

  it('that protect nothing are refused', () => {
    expect(() => loadSecrets(config({ EVENKEEL_USER_SALT: 'short' }))).toThrow('fewer than 16');
    expect(() => loadSecrets(config({ EVENKEEL_TOKEN_KEYS: '1:abcd' }))).toThrow('key 1 is not ID:HEX');
  });
});
