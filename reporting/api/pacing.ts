import { Hono } from 'hono';
import { type ApiEnv, maySee, type Services } from './context.ts';

/** What the pacer says about campaigns, by campaign id. */
export interface PacingSource {
  /** The latest status of every campaign the pacer controls. */
  statuses(): readonly { readonly campaignId: number }[];
}

/** `GET /pacing`: how each campaign is paced and why. */
export function pacingRoutes(services: Services, source: PacingSource | null): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/pacing', (c) => {
    const principal = c.get('principal');
    const items = (source?.statuses() ?? []).filter((status) => {
      const campaign = services.directory.get('campaign', status.campaignId);
      return campaign !== undefined && maySee(principal, campaign.advertiserId);
    });
    return c.json({ items });
  });
  return app;
}
