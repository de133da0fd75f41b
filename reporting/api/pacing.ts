import { Hono } from 'hono';
import { billed } from '../../core/bill.ts';
import type { PacingStatus } from '../../core/pacingstatus.ts';
import { type ApiEnv, maySee } from './context.ts';
import { pageOf, sortable } from './paging.ts';

/** What the pacer says about every level it controls. */
export interface PacingSource {
  /** The latest statuses; cheap to call. */
  statuses(): readonly PacingStatus[];
}

/** `GET /pacing`: how each account, campaign and line item is paced and why. */
export function pacingRoutes(source: PacingSource | null): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/pacing', (c) => {
    const principal = c.get('principal');
    const wanted = c.req.query('campaignId');
    const items = billed(source?.statuses() ?? [])
      .filter((status) => maySee(principal, status.advertiserId))
      .filter((status) => wanted === undefined || status.campaignId === Number(wanted));
    const keyOf = ({ level, id }: PacingStatus) => `${level}:${sortable(id)}`;
    return c.json(pageOf(c, items, { keyOf, limit: 1000 }));
  });
  return app;
}

/** What the pacer says about one account, campaign or line item. */
export function statusOf(
  source: PacingSource | null,
  level: PacingStatus['level'],
  id: number,
): PacingStatus | undefined {
  return source?.statuses().find((status) => status.level === level && status.id === id);
}
