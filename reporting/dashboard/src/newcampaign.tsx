import { useState } from 'preact/hooks';
import { BiddingFields, biddingBody, biddingText, daypartingOf } from './biddingfields.tsx';
import { CampaignFields, campaignBody, campaignText } from './campaignform.tsx';
import { type Me, send } from './client.ts';
import { CreativeFields } from './creativeform.tsx';
import { creativeBody, newCreative } from './creativetext.ts';
import { type Advertiser, type Campaign, type Page, useData } from './data.ts';
import { TrafficEstimate } from './estimate.tsx';
import { AdvertiserField } from './fields.tsx';
import { FormEnd, useSubmit } from './formstate.tsx';
import { Card, Fault, Loading } from './parts.tsx';
import { go } from './router.ts';
import { TargetingFields } from './targetingfields.tsx';
import { targetingRules, targetingText } from './targetingtext.ts';

/** A campaign in one go: budget and flight, whom it should reach, the first ad. */
export function NewCampaign({ me }: { me: Me }) {
  const advertisers = useData<Page<Advertiser>>('/advertisers?limit=1000');
  if (advertisers.problem !== null) return <Fault problem={advertisers.problem} onRetry={advertisers.reload} />;
  if (advertisers.data === null) return <Loading label="Loading advertisers" />;
  if (me.role === 'read_only') return <p class="empty">Your key can only read.</p>;
  return <Form advertisers={advertisers.data.items} />;
}

const nobody = { currency: 'USD', timeZone: 'UTC' };

function Form({ advertisers }: { advertisers: readonly Advertiser[] }) {
  const [advertiserId, setAdvertiserId] = useState(String(advertisers[0]?.id ?? 0));
  const [campaign, setCampaign] = useState(campaignText(null, 'UTC'));
  const [bidding, setBidding] = useState(biddingText(null));
  const [targeting, setTargeting] = useState(targetingText(null));
  const [creative, setCreative] = useState(newCreative);
  const { currency, timeZone } = advertisers.find(({ id }) => String(id) === advertiserId) ?? nobody;
  const dayparting = daypartingOf(bidding);

  const form = useSubmit(async (button) => {
    const lineItem = {
      name: campaign.name === '' ? 'Line item' : campaign.name,
      ...biddingBody(bidding, null),
      targeting: { ...targetingRules(targeting), dayparting },
      creatives: [creativeBody(creative)],
    };
    const status = button === 'draft' ? 'draft' : 'active';
    const body = {
      ...campaignBody(campaign, null, timeZone),
      advertiserId: Number(advertiserId),
      status,
      lineItems: [lineItem],
    };
    const headers = { 'idempotency-key': crypto.randomUUID() };
    const made = await send<Campaign>('POST', '/campaigns', { body, headers });
    go(`/campaigns/${made.id}`);
  });

  return (
    <form class="form" onSubmit={form.submit} aria-label="New campaign">
      <header class="page-head">
        <div>
          <p class="crumbs">
            <a href="/">Overview</a> / New
          </p>
          <h1>New campaign</h1>
        </div>
      </header>
      <Card title="Budget and time">
        <div class="columns">
          {advertisers.length > 1 && (
            <AdvertiserField
              id="ca-advertiser"
              advertisers={advertisers}
              value={advertiserId}
              onChange={setAdvertiserId}
            />
          )}
          <CampaignFields value={campaign} currency={currency} timeZone={timeZone} form={form} onChange={setCampaign} />
        </div>
      </Card>
      <Card title="Whom to reach">
        <div class="columns">
          <BiddingFields value={bidding} currency={currency} form={form} onChange={setBidding} />
        </div>
        <TargetingFields advertiserId={Number(advertiserId)} value={targeting} form={form} onChange={setTargeting} />
        <TrafficEstimate targeting={targeting} dayparting={dayparting} />
      </Card>
      <Card title="The first ad">
        <CreativeFields value={creative} form={form} onChange={setCreative} />
      </Card>
      <FormEnd form={form} save="Create and start">
        <button type="submit" value="draft" disabled={form.busy}>
          Keep as a draft
        </button>
      </FormEnd>
    </form>
  );
}
