import { PassThrough } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { createStatusLine, formatStatus } from './statusline.ts';

it('shows the numbers in a fixed order and leaves out the unknown', () => {
  const line = formatStatus({ spend: 1.23456, requestsPerSecond: 99.6, logLag: 0, wins: 1200, p99Ms: 2.345 });
  expect(line).toBe('100 requests/s  p99 2.3 ms  1,200 wins  spend 1.2346 USD  log lag 0');
  expect(formatStatus({})).toBe('');
});

it('joins what the roles said and redraws only on a terminal', () => {
  vi.useFakeTimers();
  for (const [live, expected] of [
    [false, '5 bids  log lag 3\n'],
    [true, '\r\u001b[2K5 bids  log lag 3'],
  ] as const) {
    const out = new PassThrough();
    const status = createStatusLine(out, live);
    status.update('demo', { bids: 5 });
    status.update('reporting', { logLag: 3 });
    status.start();
    vi.advanceTimersByTime(10_000);
    status.close();
    expect(String(out.read())).toContain(expected);
  }
  vi.useRealTimers();
});
