import { useMemo, useState } from 'preact/hooks';
import { Breakdown } from './breakdown.tsx';
import { CampaignForm } from './campaignform.tsx';
import { type ApiProblem, type Me, send } from './client.ts';
import { Creatives } from './creatives.tsx';
import { type Advertiser, type Campaign, type PacingStatus, type Page, useData } from './data.ts';
import { DeliveryChart } from './deliverychart.tsx';
import { count, ecpm, money, percent, ratio, share } from './format.ts';
import { FunnelCard } from './funnel.tsx';
import { History } from './history.tsx';
import { LineItems } from './lineitems.tsx';
import { type LiveCampaign, useLive } from './live.ts';
import { Card, Fault, Kpi, Loading } from './parts.tsx';

/** Everything about one campaign: delivery, why it is as it is, what it is made of, who changed it. */
export function CampaignPage({ id, me }: { id: number; me: Me }) {
  const campaign = useData<Campaign>(`/campaigns/${id}`);
  const { summary } = useLive();
  const live = summary?.campaigns.find((item) => item.id === id);
  if (campaign.problem !== null && campaign.data === null)
    return <Fault problem={campaign.problem} onRetry={campaign.reload} />;
  if (campaign.data === null) return <Loading label="Loading the campaign" />;
  return (
    <Loaded campaign={campaign.data} live={live} nowMs={summary?.nowMs ?? null} me={me} onChange={campaign.reload} />
  );
}

interface LoadedProps {
  readonly campaign: Campaign;
  readonly live: LiveCampaign | undefined;
  readonly nowMs: number | null;
  readonly me: Me;
  readonly onChange: () => void;
}

function Loaded({ campaign, live, nowMs, me, onChange }: LoadedProps) {
  const advertiser = useData<Advertiser>(`/advertisers/${campaign.advertiserId}`);
  const pacing = useData<Page<PacingStatus>>(`/pacing?campaignId=${campaign.id}`, 3000);
  const [editing, setEditing] = useState(false);
  const currency = advertiser.data?.currency ?? 'USD';
  const timeZone = advertiser.data?.timeZone ?? 'UTC';
  const mayWrite = me.role !== 'read_only';
  const status = pacing.data?.items.find((item) => item.level === 'campaign' && item.id === campaign.id) ?? null;
  return (
    <>
      <header class="page-head">
        <div>
          <p class="crumbs">
            <a href="/">Overview</a> / {advertiser.data?.name ?? '…'}
          </p>
          <h1>{campaign.name}</h1>
          <p>
            <span class={`pill ${campaign.status}`}>{campaign.status}</span> {timeZone}
          </p>
        </div>
        {mayWrite && <Actions campaign={campaign} onChange={onChange} onEdit={() => setEditing(true)} />}
      </header>
      {editing && (
        <CampaignForm
          campaign={campaign}
          currency={currency}
          timeZone={timeZone}
          onDone={() => {
            setEditing(false);
            onChange();
          }}
        />
      )}
      {live !== undefined && <CampaignKpis live={live} />}
      <Card title="Delivery today" side={<Legend live={live} status={status} />}>
        <DeliveryChart
          campaignId={campaign.id}
          timeZone={timeZone}
          currency={currency}
          live={live}
          status={status}
          nowMs={nowMs}
        />
      </Card>
      <FunnelCard campaignId={campaign.id} />
      <LineItems
        campaign={campaign}
        currency={currency}
        timeZone={timeZone}
        pacing={pacing.data?.items ?? []}
        mayWrite={mayWrite}
      />
      <Breakdown campaignId={campaign.id} currency={currency} timeZone={timeZone} />
      <Creatives campaign={campaign} me={me} />
      <History path={`/campaigns/${campaign.id}/history`} stamp={campaign.version} timeZone={timeZone} />
    </>
  );
}

/** The lines of the chart and where each stands: spend and plan now, the forecast at the end of the day. */
function Legend({ live, status }: { live: LiveCampaign | undefined; status: PacingStatus | null }) {
  const text = (nanos: string | null | undefined): string =>
    live === undefined || nanos == null ? '' : money(nanos, live.currency);
  return (
    <span class="legend">
      <i class="spent" /> Spent <b>{text(live?.today.spendNanos)}</b> <i class="plan" /> Plan{' '}
      <b>{text(live?.plannedNanos)}</b> <i class="forecast" /> Forecast{' '}
      <b>{live?.status === 'active' ? text(status?.forecastNanos) : ''}</b>
    </span>
  );
}

function CampaignKpis({ live }: { live: LiveCampaign }) {
  const { today, lifetime, currency, dailyBudgetNanos, lifetimeBudgetNanos } = live;
  const budget =
    dailyBudgetNanos === null
      ? 'no daily budget'
      : `${share(ratio(today.spendNanos, dailyBudgetNanos))} of ${money(dailyBudgetNanos, currency)}`;
  const whole =
    lifetimeBudgetNanos === null
      ? `${count(lifetime.impressions)} impressions`
      : `of ${money(lifetimeBudgetNanos, currency)}`;
  return (
    <dl class="kpis">
      <Kpi label="Spend today" name="spend" note={budget}>
        {money(today.spendNanos, currency)}
      </Kpi>
      <Kpi
        label="Impressions today"
        name="impressions"
        note={`eCPM ${ecpm(today.spendNanos, today.impressions, currency)}`}
      >
        {count(today.impressions)}
      </Kpi>
      <Kpi label="Clicks today" name="clicks" note={`${percent(today.clicks, today.impressions)} of impressions`}>
        {count(today.clicks)}
      </Kpi>
      <Kpi label="Spend in all" name="lifetime" note={whole}>
        {money(lifetime.spendNanos, currency)}
      </Kpi>
    </dl>
  );
}

interface ActionsProps {
  readonly campaign: Campaign;
  readonly onChange: () => void;
  readonly onEdit: () => void;
}

function Actions({ campaign, onChange, onEdit }: ActionsProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const next = useMemo(() => nextSteps(campaign.status), [campaign.status]);
  const become = async (status: string): Promise<void> => {
    if (status === 'archived' && !confirm('Archive this campaign? It stops for good and leaves the lists.')) return;
    setBusy(true);
    setProblem(null);
    try {
      await send('PATCH', `/campaigns/${campaign.id}`, { body: { status }, etag: `"v${campaign.version}"` });
    } catch (error) {
      setProblem(error as ApiProblem);
    }
    setBusy(false);
    onChange();
  };
  return (
    <div class="actions">
      {problem !== null && <Fault problem={problem} />}
      {campaign.status !== 'archived' && (
        <button type="button" onClick={onEdit}>
          Edit
        </button>
      )}
      {next.map(({ status, label, kind }) => (
        <button key={status} type="button" class={kind} disabled={busy} onClick={() => become(status)}>
          {label}
        </button>
      ))}
    </div>
  );
}

function nextSteps(status: string): readonly { status: string; label: string; kind: string }[] {
  const archive = { status: 'archived', label: 'Archive', kind: 'danger' };
  if (status === 'active') return [{ status: 'paused', label: 'Pause', kind: 'primary' }];
  if (status === 'archived') return [];
  return [archive, { status: 'active', label: 'Activate', kind: 'primary' }];
}
