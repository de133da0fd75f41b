import { useState } from 'preact/hooks';
import { CampaignFields, campaignBody, campaignText } from './campaignform.tsx';
import { type ApiProblem, type Me, send } from './client.ts';
import { CreativeFields, creativeBody, newCreative } from './creativeform.tsx';
import { type Advertiser, type Campaign, type Page, useData } from './data.ts';
import { microsOf } from './moneyinput.ts';
import { Card, Fault, Field, Loading } from './parts.tsx';
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
  const [advertiserId, setAdvertiserId] = useState(advertisers[0]?.id ?? 0);
  const [campaign, setCampaign] = useState(campaignText(null));
  const [bid, setBid] = useState('2');
  const [targeting, setTargeting] = useState(toText({}));
  const [creative, setCreative] = useState(newCreative);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const currency = advertisers.find((advertiser) => advertiser.id === advertiserId)?.currency ?? 'USD';

  const create = async (status: 'draft' | 'active'): Promise<void> => {
    setBusy(true);
    setProblem(null);
    const lineItem = {
      name: campaign.name === '' ? 'Line item' : campaign.name,
      goal: { type: 'cpm', bidCpmMicros: microsOf(bid) },
      targeting: { terms: toTerms(targeting) },
      creatives: [creativeBody(creative)],
    };
    try {
      const body = { ...campaignBody(campaign), advertiserId, status, lineItems: [lineItem] };
      const made = await send<Campaign>('POST', '/campaigns', {
        body,
        headers: { 'idempotency-key': crypto.randomUUID() },
      });
      go(`/campaigns/${made.id}`);
    } catch (error) {
      setProblem(error as ApiProblem);
      setBusy(false);
    }
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    void create((event.submitter as HTMLButtonElement | null)?.value === 'draft' ? 'draft' : 'active');
  };

  return (
    <form class="form" onSubmit={submit} aria-label="New campaign">
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
            <Field label="Advertiser" id="ca-advertiser">
              <select
                id="ca-advertiser"
                value={advertiserId}
                onChange={(event) => setAdvertiserId(Number(event.currentTarget.value))}
              >
                {advertisers.map((advertiser) => (
                  <option key={advertiser.id} value={advertiser.id}>
                    {advertiser.name}
                  </option>
                ))}
              </select>
            </Field>
          )}
          <CampaignFields value={campaign} currency={currency} problem={problem} onChange={setCampaign} />
        </div>
      </Card>
      <Card title="Whom to reach">
        <div class="columns">
          <Field
            label={`Bid (CPM, ${currency})`}
            id="li-bid"
            hint="The most you pay for a thousand impressions."
            fault={problem?.field?.includes('goal') ? problem.message : undefined}
          >
            <input
              id="li-bid"
              required
              inputMode="decimal"
              value={bid}
              onInput={(event) => setBid(event.currentTarget.value)}
            />
          </Field>
          <TargetingFields value={targeting} onChange={setTargeting} />
        </div>
      </Card>
      <Card title="The first ad">
        <div class="columns">
          <CreativeFields value={creative} problem={problem} onChange={setCreative} />
        </div>
      </Card>
      {problem !== null && <Fault problem={problem} />}
      <div class="actions">
        <button type="submit" value="active" class="primary" disabled={busy}>
          {busy ? 'Creating …' : 'Create and start'}
        </button>
        <button type="submit" value="draft" disabled={busy}>
          Keep as a draft
        </button>
      </div>
    </form>
  );
}
