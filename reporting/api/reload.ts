import { Hono } from 'hono';
import { audited } from './audit.ts';
import { type ApiEnv, requireOperator, type Services } from './context.ts';
import { Problem } from './problem.ts';

/**
 * `POST /reload`: the processes of this machine read their configuration again, as by SIGHUP. What became of it stands in
 * their logs and in `evenkeel_config_reloads_total`.
 */
export function reloadRoutes(services: Services, reload: (() => void) | null): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post('/reload', async (c) => {
    const principal = c.get('principal');
    requireOperator(principal);
    if (reload === null) throw new Problem(503, 'not_ready', 'This process can not reload. Send it SIGHUP.');
    services.logger.warn({ by: principal.name, requestId: c.get('requestId') }, 'reload was asked for');
    const change = { kind: 'configuration', id: 'this machine', name: '', action: 'reload' } as const;
    await audited(services, c, change, async () => reload());
    return c.json({ status: 'asked' }, 202);
  });
  return app;
}
