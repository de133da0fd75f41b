import { useState } from 'preact/hooks';
import { BiddingFields, biddingBody, biddingText, daypartingOf } from './biddingfields.tsx';
import { CampaignFields, campaignBody, campaignText } from './campaignform.tsx';
import { type Me, send } from './client.ts';
import { CreativeFields } from './creativeform.tsx';
import { creativeBody, newCreative } from './creativetext.ts';
import { type Advertiser, type Campaign, type Page, useData } from './data.ts';
import { TrafficEstimate } from './estimate.tsx';
import { AdvertiserField, FormEnd, useSubmit } from './formstate.tsx';
import { Card, Fault, Loading } from './parts.tsx';
import { go } from './router.ts';
import { TargetingFields, toTerms, toText } from './targetingfields.tsx';

/** A campaign in one go: budget and flight, whom it should reach, the first ad. */
export function NewCampaign({ me }: { me: Me }) {
  const advertisers = useData<Page<Advertiser>>('/advertisers?limit=1000');
  if (advertisers.problem !== null) return <Fault problem={advertisers.problem} onRetry={advertisers.reload} />;
  if (advertisers.data === null) return <Loading label="Loading advertisers" />;
  if (me.role === 'read_only') return <p class="empty">Your key can only read.</p>;
  return <Form advertisers={advertisers.data.items} />;
}

function Form({ advertisers }: { advertisers: readonly Advertiser[] }) {
  const [advertiserId, setAdvertiserId] = useState(String(advertisers[0]?.id ?? 0));
  const [campaign, setCampaign] = useState(campaignText(null));
  const [bidding, setBidding] = useState(biddingText(null));
  const [targeting, setTargeting] = useState(toText({}));
  const [creative, setCreative] = useState(newCreative);
  const currency = advertisers.find((advertiser) => String(advertiser.id) === advertiserId)?.currency ?? 'USD';
  const reached = { terms: toTerms(targeting), dayparting: daypartingOf(bidding, null) };

  const form = useSubmit(async (button) => {
    const lineItem = {
      name: campaign.name === '' ? 'Line item' : campaign.name,
      ...biddingBody(bidding, null),
      targeting: reached,
      creatives: [creativeBody(creative)],
    };
    const status = button === 'draft' ? 'draft' : 'active';
    const body = { ...campaignBody(campaign), advertiserId: Number(advertiserId), status, lineItems: [lineItem] };
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
          <CampaignFields value={campaign} currency={currency} problem={form.problem} onChange={setCampaign} />
        </div>
      </Card>
      <Card title="Whom to reach">
        <div class="columns">
          <BiddingFields value={bidding} currency={currency} form={form} onChange={setBidding} />
          <TargetingFields value={targeting} onChange={setTargeting} />
        </div>
        <TrafficEstimate targeting={reached} />
      </Card>
      <Card title="The first ad">
        <div class="columns">
          <CreativeFields value={creative} form={form} onChange={setCreative} />
        </div>
      </Card>
      <FormEnd form={form} save="Create and start">
        <button type="submit" value="draft" disabled={form.busy}>
          Keep as a draft
        </button>
      </FormEnd>
    </form>
  );
}
