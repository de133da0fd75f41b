import { describe, expect, it } from 'vitest';
import { createAdminHandler } from './admin.ts';
import type { HttpCall, Reply } from './http/transport.ts';
import { createSharedStatus, setDraining, setHeld, setReady } from './shared/status.ts';

describe('the readiness of a bidder', () => {
  it('begins once everything is known, pauses while nothing may be bid, and ends with draining', () => {
    const status = createSharedStatus();
    const handle = createAdminHandler({ status, version: '1', transport: 'test', metrics: () => {} });
    const ask = (path: string): Reply => {
      const replies: Reply[] = [];
      const call = { method: 'GET', path, query: '', send: (reply: Reply) => replies.push(reply) };
      handle(call as unknown as HttpCall);
      return replies[0]!;
    };
    const ready = () => [ask('/healthz/ready').status, JSON.parse(String(ask('/healthz/ready').body)).status];
    expect(ready()).toEqual([503, 'starting']);
    setReady(status, true);
    expect(ready()).toEqual([200, 'ready']);
    setHeld(status, true);
    expect(ready()[0]).toBe(503);
    setHeld(status, false);
    setDraining(status);
    expect(ready()).toEqual([503, 'draining']);
    expect(ask('/healthz/live').status).toBe(200);
  });
});
