import { describe, expect, it } from 'vitest';
import { newCounters } from '../send/counters.ts';
import { checkGates, formatGateValue, gateMetrics, parseGate } from './gate.ts';
import type { Measured } from './measured.ts';

const market = {
  auctions: 40,
  bids: 50,
  wins: 10,
  losses: 40,
  belowFloor: 0,
  tooLate: 0,
  clearedNanos: 0n,
  foreignUrls: 0,
};
const measured: Measured = {
  counters: {
    ...newCounters(),
    planned: 1010,
    dropped: 10,
    sent: 1000,
    late: 5,
    answered: 990,
    overTmax: 90,
    bids: 49,
    noBids: 940,
    invalid: { http_500: 1 },
    faults: { timeout: 4, reset: 6 },
  },
  market,
  latencies: { count: 1000, maxMs: 90, meanMs: 12, percentileMs: (percentile) => percentile },
  measuredMs: 10_000,
  lostEvents: 0,
  unacknowledged: 2,
};
const nothing: Measured = {
  ...measured,
  counters: newCounters(),
  market: { ...market, bids: 0 },
  latencies: { count: 0, maxMs: 0, meanMs: 0, percentileMs: () => 0 },
  lostEvents: null,
  unacknowledged: null,
};

describe('gates', () => {
  it.each<[string, boolean]>([
    ['p99<100ms', true],
    ['p99 < 0.099 s', false],
    ['p99.9<=99.9ms', true],
    ['p50>50000us', false],
    ['max<90ms', false],
    ['max<=90ms', true],
    ['mean<12.5ms', true],
    ['errors<1.2%', true],
    ['errors<1.1%', false],
    ['timeouts<0.5%', true],
    ['on_time>=85%', true],
    ['on_time>90%', false],
    ['dropped<1%', true],
    ['late=0.005', true],
    ['bid_rate>4%', true],
    ['bid_rate>0.05', false],
    ['win_rate==20%', true],
    ['rps>=99', true],
    ['lost_events=0', true],
    ['unacknowledged<=1', false],
  ])('%s is %s', (text, passed) => {
    expect(checkGates([parseGate(text)], measured)[0]!.passed).toBe(passed);
  });

  it('fail without samples, whatever they ask', () => {
    for (const metric of ['p99', ...Object.keys(gateMetrics)]) {
      const unit = gateMetrics[metric]?.unit ?? 'ms';
      const zero = { ms: '0ms', share: '0%', count: '0', rps: '0' }[unit];
      if (metric === 'rps') continue;
      const [result] = checkGates([parseGate(`${metric}>=${zero}`)], nothing);
      expect([metric, result!.value, result!.passed]).toEqual([metric, null, false]);
      expect(formatGateValue(result!.gate, result!.value)).toBe('no samples');
    }
  });

  it.each([
    '',
    'p99',
    'p99<',
    'p99<30',
    'p99<30%',
    'p999<1ms',
    'errors<30ms',
    'errors<5',
    'speed<1ms',
    'p99!30ms',
    'constructor<1',
    'lost_events<1%',
    'p99<-1ms',
  ])('refuses "%s" and says how to write it', (text) =>
    expect(() => parseGate(text)).toThrowError(expect.objectContaining({ code: 'loadtest_bad_gate' })),
  );
});
