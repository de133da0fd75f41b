import type { MiddlewareHandler } from 'hono';
import type { Clock } from '../../core/clock.ts';
import type { ApiEnv } from './context.ts';
import { Problem } from './problem.ts';

const WINDOW_MS = 60_000;
const MAX_TRACKED = 20_000;

interface Window {
  startMs: number;
  count: number;
}

export interface Limiter {
  /** Counts one use. */
  use(id: string): { readonly allowed: boolean; readonly remaining: number; readonly resetSeconds: number };
  /** Whether the next use would be refused. */
  isExhausted(id: string): boolean;
}

/** Counts uses per id in windows of a minute, for a bounded number of ids. */
export function createLimiter(perMinute: number, clock: Clock): Limiter {
  const windows = new Map<string, Window>();
  return {
    isExhausted(id) {
      const window = windows.get(id);
      return window !== undefined && clock.nowMs() - window.startMs < WINDOW_MS && window.count >= perMinute;
    },
    use(id) {
      const nowMs = clock.nowMs();
      let window = windows.get(id);
      if (window === undefined || nowMs - window.startMs >= WINDOW_MS) {
        windows.delete(id);
        if (windows.size >= MAX_TRACKED) windows.delete(windows.keys().next().value as string);
        window = { startMs: nowMs, count: 0 };
        windows.set(id, window);
      }
      window.count += 1;
      const resetSeconds = Math.max(1, Math.ceil((window.startMs + WINDOW_MS - nowMs) / 1000));
      return { allowed: window.count <= perMinute, remaining: Math.max(0, perMinute - window.count), resetSeconds };
    },
  };
}

/** Limits requests per key and says in headers what is left. */
export function limitRate(perMinute: number, clock: Clock): MiddlewareHandler<ApiEnv> {
  const limiter = createLimiter(perMinute, clock);
  return async (c, next) => {
    const { allowed, remaining, resetSeconds } = limiter.use(c.get('principal').keyId);
    const headers = {
      'ratelimit-limit': String(perMinute),
      'ratelimit-remaining': String(remaining),
      'ratelimit-reset': String(resetSeconds),
    };
    if (!allowed) {
      const detail = `This key may make ${perMinute} requests a minute. Wait ${resetSeconds} s.`;
      throw new Problem(429, 'too_many_requests', {
        detail,
        headers: { ...headers, 'retry-after': String(resetSeconds) },
      });
    }
    await next();
    for (const [name, value] of Object.entries(headers)) c.header(name, value);
  };
}
