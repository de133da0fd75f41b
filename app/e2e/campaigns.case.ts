import { type ApiAccess, callApi } from './processes.case.ts';

const SIZES = [
  [300, 250],
  [728, 90],
  [320, 50],
  [160, 600],
  [300, 600],
  [970, 250],
] as const;

/** One campaign to create: its line items bid everywhere, in every common banner size. */
export interface CampaignPlan {
  readonly name: string;
  readonly dailyMicros: number;
  readonly pacing: 'even' | 'even_time' | 'front_loaded' | 'asap';
  /** One line item each. */
  readonly cpmMicros: readonly number[];
  /** AdCOM device types; everywhere when absent. */
  readonly deviceTypes?: readonly string[];
}

/** Creates an advertiser with campaigns through the API; resolves to the campaigns' ids. */
export async function createCampaigns(system: ApiAccess, plans: readonly CampaignPlan[]): Promise<readonly number[]> {
  const post = (path: string, body: unknown) =>
    callApi<{ id: number }>(system, path, { method: 'POST', body: JSON.stringify(body) });
  const advertiser = await post('/api/v1/advertisers', { name: 'End to end', timeZone: 'UTC' });
  const ids: number[] = [];
  for (const plan of plans) {
    const campaign = await post('/api/v1/campaigns', {
      advertiserId: advertiser.id,
      name: plan.name,
      status: 'active',
      budget: { dailyMicros: plan.dailyMicros, lifetimeMicros: null },
      lineItems: plan.cpmMicros.map((bidCpmMicros, index) => ({
        name: `${plan.name} ${index + 1}`,
        status: 'active',
        goal: { type: 'cpm', bidCpmMicros },
        pacing: plan.pacing,
        ...(plan.deviceTypes === undefined
          ? {}
          : { targeting: { terms: { deviceType: { include: plan.deviceTypes } } } }),
        creatives: SIZES.map(([w, h]) => ({
          name: `${w}x${h}`,
          format: 'banner',
          banner: { w, h, html: '<a href="${CLICK_URL}">Even</a>' },
          landingUrl: 'https://shop.example.com/',
          adomain: ['shop.example.com'],
        })),
      })),
    });
    ids.push(campaign.id);
  }
  return ids;
}
