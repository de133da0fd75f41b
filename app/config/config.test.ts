import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../core/errors.ts';
import { changedSettings, describeConfig, settingsHelp, settingsMarkdown } from './describe.ts';
import { type ConfigSources, loadConfig } from './load.ts';
import { settingNames, settings } from './table.ts';

const nothing: ConfigSources = { file: null, env: {}, flags: {} };

function fileWith(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'evenkeel-config-')), 'evenkeel.yaml');
  writeFileSync(path, text);
  return path;
}

function problemOf(sources: ConfigSources): string {
  try {
    loadConfig(sources);
  } catch (error) {
    expect(error).toBeInstanceOf(CodedError);
    expect((error as CodedError).code).toBe('config.invalid');
    return (error as CodedError).message;
  }
  throw new Error('the configuration was accepted');
}

describe('configuration', () => {
  it('works without any source', () => {
    const { config, origins } = loadConfig(nothing);
    expect(config.bidPort).toBe(8080);
    expect(new Set(Object.values(origins))).toEqual(new Set(['default']));
  });

  it('lets a flag win over the environment, and that over the file', () => {
    const file = fileWith('bidPort: 1000\napiPort: 1001\ndemoRate: 5\n');
    const env = { EVENKEEL_BID_PORT: '2000', EVENKEEL_API_PORT: '2001' };
    const { config, origins } = loadConfig({ file, env, flags: { 'bid-port': '3000', 'no-demo-traffic': '' } });
    expect([config.bidPort, config.apiPort, config.demoRate, config.demoTraffic]).toEqual([3000, 2001, 5, false]);
    expect([origins.bidPort, origins.apiPort, origins.demoRate]).toEqual(['flag', 'environment', 'file']);
  });

  it('lists every problem at once and says what would be right', () => {
    const message = problemOf({
      file: fileWith('bidPorts: 1\n'),
      env: { EVENKEEL_API_PORT: '70000', LOG_LEVEL: 'loud', KAFKA_TLS: 'maybe', EVENKEEL_EXCHANGES: '[1]' },
      flags: { 'bid-port': 'eighty', nonsense: '' },
    });
    for (const part of [
      '--bid-port: must be a number, not "eighty"',
      'EVENKEEL_API_PORT: must be at most 65535, not 70000',
      'LOG_LEVEL: must be one of trace, debug',
      'KAFKA_TLS: must be on or off, not "maybe"',
      'EVENKEEL_EXCHANGES: must be an object',
      '--nonsense: no such setting',
      'bidPorts: no such setting',
    ]) {
      expect(message).toContain(part);
    }
  });

  it('lists what is of the right type and can not be used all the same', () => {
    const message = problemOf({
      file: fileWith('exchanges: { one: { seat: 7, gzip: 1 }, "no name!": {} }\ncurrencies: { EUR: 1.1, yen: 2 }\n'),
      env: { KAFKA_BROKERS: 'kafka-1:9092,kafka-2', CLICKHOUSE_URL: 'ftp://store', EVENKEEL_OPERATOR_KEY: 'short' },
      flags: { 'token-keys': `1:${'ab'.repeat(16)},300:${'ab'.repeat(16)},1:${'cd'.repeat(16)}`, 'user-salt': 'salt' },
    });
    for (const part of [
      'exchanges: one.seat: ',
      'exchanges: one.gzip: ',
      'exchanges: no name!: the name must be',
      'currencies: "yen" has no usable rate',
      'KAFKA_BROKERS: must be HOST:PORT, not "kafka-2"',
      'CLICKHOUSE_URL: must be a URL',
      'EVENKEEL_OPERATOR_KEY: has fewer than 16',
      '--token-keys: key 2 is not ID:HEX',
      '--token-keys: key 3 has the ID of another',
      '--user-salt: has fewer than 16',
    ]) {
      expect(message).toContain(part);
    }
    for (const secret of ['abab', 'short']) expect(message).not.toContain(secret);
    expect(problemOf({ ...nothing, flags: { 'bad-agents-file': '/nonexistent/agents' } })).toContain('can not be read');
  });

  it('says what is wrong with a file it can not read', () => {
    expect(problemOf({ ...nothing, file: '/nonexistent/evenkeel.yaml' })).toContain('ENOENT');
    expect(problemOf({ ...nothing, file: fileWith('a: [') })).toContain('evenkeel.yaml');
    expect(problemOf({ ...nothing, file: fileWith('- 1') })).toContain('must be a mapping');
  });

  it('never prints a secret', () => {
    const shown = describeConfig(loadConfig({ ...nothing, env: { EVENKEEL_OPERATOR_KEY: 'ek_hush_nobody_may_read' } }));
    expect(shown).toContain('(hidden)');
    expect(shown).not.toContain('hush');
    const env = {
      EVENKEEL_OPERATOR_KEY: 'ek_hush_nobody_may_read',
      EVENKEEL_TOKEN_KEYS: `1:${'ab'.repeat(16)}`,
      EVENKEEL_BID_PORT: '9000',
    };
    expect(changedSettings(loadConfig({ ...nothing, env }))).toEqual({
      bidPort: '9000 (environment)',
      operatorKey: '(hidden) (environment)',
      tokenKeys: '(hidden) (environment)',
    });
  });

  it('names every setting, variable and flag once', () => {
    for (const key of ['env', 'flag'] as const) {
      const values = settingNames.map((name) => settings[name][key]);
      expect(new Set(values).size).toBe(values.length);
    }
    for (const name of settingNames) expect(settingsHelp()).toContain(settings[name].flag);
  });

  it('keeps docs/configuration.md equal to the code', () => {
    expect(readFileSync('docs/configuration.md', 'utf8')).toBe(settingsMarkdown());
  });
});
