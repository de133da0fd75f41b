import { createHmac, randomBytes } from 'node:crypto';
import { Hono } from 'hono';
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Alert } from './alerts.ts';
import { audited } from './audit.ts';
import { type ApiEnv, jsonBody, requireOperator, type Services } from './context.ts';
import type { Documents } from './documents.ts';
import { pageOf } from './paging.ts';
import { invalidInput, Problem } from './problem.ts';

export const newWebhookSchema = z.strictObject({ url: z.url({ protocol: /^https?$/ }).max(2048) });
export const webhookSchema = z.strictObject({ id: z.string(), url: z.string(), createdMs: z.int() });
const keptSchema = webhookSchema.extend({ secret: z.string() });
type Kept = z.infer<typeof keptSchema>;

export interface SignedPost {
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The HMAC-SHA-256 of `SECONDS.BODY` in hex. */
  sign(seconds: number): Promise<string>;
  body(): string | ReadableStream;
}

export interface Webhooks {
  /** Sends something once, signed. @returns whether it was answered 2xx; counted, never thrown */
  post(to: { readonly url: string; readonly secret: string }, what: SignedPost): Promise<boolean>;
  /** Queues an alert for every webhook. */
  send(alert: Alert): void;
  /** Delivers what is due, once. Returns how many are still waiting. */
  deliver(): Promise<number>;
}

interface Delivery {
  readonly hook: Kept;
  readonly body: string;
  attempts: number;
  dueMs: number;
}

export interface WebhookOptions {
  readonly documents: Documents;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Registry;
  readonly fetch: typeof fetch;
}

/** Pauses between attempts; after the last one a delivery is given up. */
export const RETRY_MS = [1000, 5000, 30_000, 120_000, 600_000];
const MAX_WAITING = 1000;
const MAX_HOOKS = 50;
const TIMEOUT_MS = 5000;
const FILE_TIMEOUT_MS = 120_000;

/**
 * Sends alerts as signed POSTs: `X-Evenkeel-Signature: t=SECONDS,v1=HEX`, the HMAC-SHA-256 of `SECONDS.BODY` under the
 * webhook's secret. A receiver that does not answer 2xx is tried again five times within a quarter of an hour.
 */
export function createWebhooks({ documents, clock, logger, metrics, fetch }: WebhookOptions): Webhooks {
  const waiting: Delivery[] = [];
  const outcomes = new Counter({
    name: 'evenkeel_webhook_deliveries_total',
    help: 'Webhook deliveries by outcome: delivered, failed, given_up, shed',
    labelNames: ['outcome'] as const,
    registers: [metrics],
  });
  const post: Webhooks['post'] = async ({ url }, what) => {
    const seconds = Math.floor(clock.nowMs() / 1000);
    try {
      const signature = `t=${seconds},v1=${await what.sign(seconds)}`;
      const body = what.body();
      const response = await fetch(url, {
        method: 'POST',
        body,
        headers: { ...what.headers, 'content-type': what.type, 'x-evenkeel-signature': signature },
        redirect: 'error',
        signal: AbortSignal.timeout(typeof body === 'string' ? TIMEOUT_MS : FILE_TIMEOUT_MS),
        ...(typeof body === 'string' ? {} : { duplex: 'half' }),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`answered ${response.status}`);
      outcomes.inc({ outcome: 'delivered' });
      return true;
    } catch (error) {
      outcomes.inc({ outcome: 'failed' });
      logger.info({ to: hostOf(url), error: messageOf(error) }, 'a webhook delivery failed');
      return false;
    }
  };
  const attempt = async (delivery: Delivery): Promise<void> => {
    const { hook, body } = delivery;
    const sign = async (seconds: number) =>
      createHmac('sha256', hook.secret).update(`${seconds}.${body}`).digest('hex');
    if (await post(hook, { type: 'application/json', sign, body: () => body })) return;
    const pauseMs = RETRY_MS[delivery.attempts];
    delivery.attempts += 1;
    if (pauseMs === undefined) {
      outcomes.inc({ outcome: 'given_up' });
      logger.warn({ to: hostOf(hook.url) }, 'gave a webhook delivery up');
      return;
    }
    delivery.dueMs = clock.nowMs() + pauseMs;
    waiting.push(delivery);
  };
  return {
    post,
    send(alert) {
      for (const hook of hooksOf(documents)) {
        if (waiting.length >= MAX_WAITING) {
          outcomes.inc({ outcome: 'shed' });
          continue;
        }
        const event = alert.untilMs === null ? 'alert.opened' : 'alert.closed';
        waiting.push({ hook, body: JSON.stringify({ event, alert }), attempts: 0, dueMs: 0 });
      }
    },
    async deliver() {
      const nowMs = clock.nowMs();
      const due = waiting.filter((delivery) => delivery.dueMs <= nowMs);
      for (const delivery of due) waiting.splice(waiting.indexOf(delivery), 1);
      await Promise.all(due.map(attempt));
      return waiting.length;
    },
  };
}

/** All that logs may say of an address: its path can be a secret. */
const hostOf = (url: string): string => new URL(url).host;

function hooksOf(documents: Documents): readonly Kept[] {
  return documents
    .list('webhook', { limit: MAX_HOOKS })
    .map(({ value }) => keptSchema.safeParse(value))
    .flatMap((parsed) => (parsed.success ? [parsed.data] : []));
}

/** `/webhooks`: operators alone, because a webhook makes this server call an address of their choice. */
export function webhookRoutes({ documents, clock }: Services): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/webhooks', (c) => {
    requireOperator(c.get('principal'));
    const hooks = hooksOf(documents).map(({ secret: _, ...hook }) => hook);
    return c.json(pageOf(c, hooks, { keyOf: ({ id }) => id }));
  });
  app.post('/webhooks', async (c) => {
    requireOperator(c.get('principal'));
    const parsed = newWebhookSchema.safeParse(await jsonBody(c));
    if (!parsed.success) throw invalidInput(parsed.error);
    if (hooksOf(documents).length >= MAX_HOOKS)
      throw new Problem(409, 'conflict', `There can be ${MAX_HOOKS} webhooks.`);
    const id = `wh_${randomBytes(9).toString('base64url')}`;
    const kept: Kept = {
      id,
      url: parsed.data.url,
      createdMs: clock.nowMs(),
      secret: randomBytes(32).toString('base64url'),
    };
    const change = { kind: 'webhook', id, name: new URL(kept.url).host, action: 'create', after: kept } as const;
    await audited({ documents, clock }, c, change, () => documents.put('webhook', id, kept));
    return c.json(kept, 201);
  });
  app.delete('/webhooks/:id', async (c) => {
    requireOperator(c.get('principal'));
    const before = hooksOf(documents).find(({ id }) => id === c.req.param('id'));
    if (before === undefined) throw new Problem(404, 'not_found', 'There is no such webhook.');
    const { id, url } = before;
    const change = { kind: 'webhook', id, name: new URL(url).host, action: 'delete', before } as const;
    await audited({ documents, clock }, c, change, () => documents.remove('webhook', id));
    return c.body(null, 204);
  });
  return app;
}
