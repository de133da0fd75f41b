import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../core/errors.ts';
import { loadConfig } from './config/load.ts';
import { differences, reload } from './reload.ts';

const nothing = { file: null, env: {}, flags: {} };
const load = (flags: Record<string, string>) => () => loadConfig({ ...nothing, flags });
const { config } = loadConfig(nothing);

function setup() {
  const logger = pino({ level: 'info' }, { write() {} });
  const applied: number[] = [];
  return { context: { logger }, applied, apply: ({ maxLagMs }: typeof config) => void applied.push(maxLagMs) };
}

describe('reloading the configuration', () => {
  it('takes over what may change, and names what needs a restart', () => {
    const { context, applied, apply } = setup();
    const flags = { 'max-lag-ms': '80', 'log-level': 'debug', 'bid-port': '9999' };
    const [outcome, after] = reload(context, load(flags), config, apply);
    expect([outcome, after.maxLagMs, after.logLevel, after.bidPort]).toEqual(['applied', 80, 'debug', config.bidPort]);
    expect([applied, context.logger.level]).toEqual([[80], 'debug']);
    expect(differences(config, load(flags)().config)).toEqual({ live: ['logLevel', 'maxLagMs'], restart: ['bidPort'] });
  });

  it('changes nothing when nothing that may change did', () => {
    const { context, applied, apply } = setup();
    expect(reload(context, load({ 'bid-port': '9999' }), config, apply)).toEqual(['unchanged', config]);
    expect(applied).toEqual([]);
  });

  it('keeps what is in force when the new one can not be used', () => {
    const { context, apply } = setup();
    expect(reload(context, load({ 'max-lag-ms': 'late' }), config, apply)).toEqual(['refused', config]);
    const refuse = () => {
      throw new CodedError('bad_exchange_profile', 'no', 'Correct it.');
    };
    expect(reload(context, load({ 'max-lag-ms': '90' }), config, refuse)).toEqual(['refused', config]);
  });
});
