import { Hono } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { ApiEnv, Services } from './context.ts';
import type { LiveBoard, LiveSummary } from './liveboard.ts';
import { Problem } from './problem.ts';

const EVERY_MS = 1000;

/** `GET /live` (one summary) and `GET /live/events` (a summary per second as server-sent events). */
export function liveRoutes(services: Services, board: LiveBoard, isStopping: () => boolean): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  let streams = 0;
  app.get('/live', async (c) => c.json(await board.summary(c.get('principal'))));
  app.get('/live/events', (c) => {
    if (streams >= services.limits.maxStreams) throw new Problem(503, 'overloaded', 'Too many live pages are open.');
    streams += 1;
    const identify = c.get('principal');
    const write = (out: SSEStreamingApi, summary: LiveSummary) =>
      out.writeSSE({ event: 'summary', data: JSON.stringify(summary) });
    return streamSSE(
      c,
      async (out) => {
        try {
          // A page paints with what is known and is put right a moment later.
          const known = board.known(identify);
          if (known !== null) await write(out, known);
          while (!out.aborted && !isStopping()) {
            // A revoked key or an ended session stops its stream too.
            const principal = services.sessions.principalOf(identify.keyId);
            if (principal === null) return;
            await write(out, await board.summary(principal));
            await out.sleep(EVERY_MS);
          }
        } finally {
          streams -= 1;
        }
      },
      async (error, out) => {
        services.logger.warn({ err: error }, 'live stream ended');
        await out.writeSSE({ event: 'failed', data: '{"code":"store_unavailable"}' });
      },
    );
  });
  return app;
}
