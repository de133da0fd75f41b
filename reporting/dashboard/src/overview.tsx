import { useMemo } from 'preact/hooks';
import { AlertList } from './alerts.tsx';
import type { Me } from './client.ts';
import { count, ecpm, money, percent, ratio, share, zoneName } from './format.ts';
import { Icon } from './icons.tsx';
import { type Connection, type LiveCampaign, type LiveSummary, useLive } from './live.ts';
import { LiveChart } from './livechart.tsx';
import { Kpi } from './parts.tsx';
import { ResultCells, resultColumns, Table } from './table.tsx';

/** All campaigns on one page: what they spent against their plan, what that bought, and which need a look. */
export function Overview({ me }: { me: Me }) {
  const { summary, connection } = useLive();
  return (
    <>
      <header class="page-head">
        <div>
          <h1>Overview</h1>
          <p>Today, in each advertiser’s time zone</p>
        </div>
        <div class="actions">
          <LiveBadge connection={connection} summary={summary} />
          {me.role !== 'read_only' && (
            <a class="button" href="/import">
              Import
            </a>
          )}
          {me.role !== 'read_only' && (
            <a class="button primary" href="/campaigns/new">
              <Icon name="plus" /> New campaign
            </a>
          )}
        </div>
      </header>
      <AlertList />
      {summary === null ? <Skeleton /> : <Board summary={summary} />}
    </>
  );
}

function LiveBadge({ connection, summary }: { connection: Connection; summary: LiveSummary | null }) {
  const late = summary !== null && summary.nowMs - summary.readMs > 5000;
  const text =
    connection === 'broken'
      ? 'Reconnecting'
      : late
        ? 'Numbers are late'
        : connection === 'live'
          ? 'Live'
          : 'Connecting';
  const ok = text === 'Live';
  return (
    <span class={`live ${ok ? 'ok' : 'late'}`} role="status">
      <i /> {text}
    </span>
  );
}

function Skeleton() {
  return (
    <div class="skeleton" role="status" aria-label="Loading campaigns">
      <div class="kpis">
        {[0, 1, 2, 3].map((i) => (
          <div key={i} class="card" />
        ))}
      </div>
      <div class="card tall" />
    </div>
  );
}

function Board({ summary }: { summary: LiveSummary }) {
  const { campaigns } = summary;
  if (campaigns.length === 0) {
    return (
      <section class="card empty">
        <h2>No campaigns yet</h2>
        <p>Campaigns appear here as soon as they exist. Nothing is spent before one is active.</p>
      </section>
    );
  }
  return (
    <>
      <Kpis campaigns={campaigns} />
      <section class="card" aria-labelledby="hour">
        <h2 id="hour">
          Last hour <span class="count">{zoneName()}</span>
        </h2>
        <LiveChart minutes={summary.minutes} nowMs={summary.nowMs} currency={campaigns[0]!.currency} />
      </section>
      <section class="card flush" aria-labelledby="campaigns">
        <h2 id="campaigns">
          Campaigns <span class="count">{count(campaigns.length + summary.omitted)}</span>
        </h2>
        <CampaignTable campaigns={campaigns} />
        {summary.omitted > 0 && <p class="note">{count(summary.omitted)} more are not shown here.</p>}
      </section>
    </>
  );
}

interface Total {
  spent: bigint;
  budget: bigint;
}

function Kpis({ campaigns }: { campaigns: readonly LiveCampaign[] }) {
  const { impressions, clicks, byCurrency } = useMemo(() => totals(campaigns), [campaigns]);
  const [currency, main] = [...byCurrency].sort((a, b) => (b[1].budget > a[1].budget ? 1 : -1))[0]!;
  const others = [...byCurrency].filter(([code]) => code !== currency);
  const ofBudget =
    main.budget > 0n
      ? `${share(ratio(main.spent, main.budget))} of ${money(main.budget, currency)} a day`
      : 'no daily budget';
  const elsewhere = others.map(([code, total]) => ` · ${money(total.spent, code)}`).join('');
  return (
    <dl class="kpis">
      <Kpi label="Spend" name="spend" note={`${ofBudget}${elsewhere}`}>
        {money(main.spent, currency)}
      </Kpi>
      <Kpi
        label="Impressions"
        name="impressions"
        note={`eCPM ${ecpm(main.spent, others.length === 0 ? impressions : 0, currency)}`}
      >
        {count(impressions)}
      </Kpi>
      <Kpi
        label="Clicks"
        name="clicks"
        note={clicks === 0 ? 'no clicks yet' : `${money(main.spent / BigInt(clicks), currency)} per click`}
      >
        {count(clicks)}
      </Kpi>
      <Kpi label="Click rate" name="ctr" note="clicks per impression">
        {percent(clicks, impressions)}
      </Kpi>
    </dl>
  );
}

function totals(campaigns: readonly LiveCampaign[]) {
  const byCurrency = new Map<string, Total>();
  let impressions = 0;
  let clicks = 0;
  for (const { currency, today, dailyBudgetNanos, status } of campaigns) {
    const total = byCurrency.get(currency) ?? { spent: 0n, budget: 0n };
    total.spent += BigInt(today.spendNanos);
    if (status === 'active') total.budget += BigInt(dailyBudgetNanos ?? '0');
    byCurrency.set(currency, total);
    impressions += today.impressions;
    clicks += today.clicks;
  }
  return { impressions, clicks, byCurrency };
}

function CampaignTable({ campaigns }: { campaigns: readonly LiveCampaign[] }) {
  return (
    <Table label="Campaigns" columns={['Campaign', 'Spend against plan', ...resultColumns]}>
      {campaigns.map((campaign) => (
        <CampaignRow key={campaign.id} campaign={campaign} />
      ))}
    </Table>
  );
}

function CampaignRow({ campaign }: { campaign: LiveCampaign }) {
  const { today, currency } = campaign;
  return (
    <tr data-campaign={campaign.id}>
      <th scope="row">
        <a class="name" href={`/campaigns/${campaign.id}`}>
          {campaign.name}
        </a>
        <small>
          <Status campaign={campaign} /> {campaign.advertiserName}
        </small>
      </th>
      <td class="delivery">
        <Delivery campaign={campaign} />
      </td>
      <ResultCells counts={today} currency={currency} />
    </tr>
  );
}

function Status({ campaign }: { campaign: LiveCampaign }) {
  const hindrance = campaign.status === 'active' ? campaign.hindrances[0] : undefined;
  if (hindrance !== undefined) return <span class="pill warn">{hindrance.message}</span>;
  return <span class={`pill ${campaign.status}`}>{campaign.status}</span>;
}

/** The bar of the day: how much of the budget is spent, and where the plan is now. */
function Delivery({ campaign }: { campaign: LiveCampaign }) {
  const { today, dailyBudgetNanos, plannedNanos, currency } = campaign;
  const spent = money(today.spendNanos, currency);
  if (dailyBudgetNanos === null || plannedNanos === null) {
    return (
      <div class="delivery-text">
        <strong data-field="spend">{spent}</strong> <span>no daily budget</span>
      </div>
    );
  }
  const done = Math.min(1, ratio(today.spendNanos, dailyBudgetNanos));
  const plan = Math.min(1, ratio(plannedNanos, dailyBudgetNanos));
  const health = healthOf(campaign);
  return (
    <>
      <div class="delivery-text">
        <strong data-field="spend">{spent}</strong>
        <span>of {money(dailyBudgetNanos, currency)}</span>
        <span class={`health ${health.level}`}>{health.text}</span>
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: the meter element can not be styled the same in all browsers */}
      <div
        class={`bar ${health.level}`}
        role="meter"
        aria-label={`Spend of ${campaign.name}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(done * 100)}
        aria-valuetext={`${spent} of ${money(dailyBudgetNanos, currency)}, ${health.text}`}
      >
        <i style={{ width: `${done * 100}%` }} />
        <b style={{ left: `${plan * 100}%` }} title={`Plan now: ${money(plannedNanos, currency)}`} />
      </div>
    </>
  );
}

/** One word for how delivery stands against the plan. */
function healthOf(campaign: LiveCampaign): { level: 'good' | 'ahead' | 'behind' | 'idle'; text: string } {
  const { today, dailyBudgetNanos, plannedNanos, status, pacing } = campaign;
  if (status !== 'active' || dailyBudgetNanos === null || plannedNanos === null) return { level: 'idle', text: status };
  if (ratio(today.spendNanos, dailyBudgetNanos) >= 0.995) return { level: 'good', text: 'budget spent' };
  // Its plan is all at once: it can only be behind, and not for a fault.
  if (pacing?.plan === 'asap') return { level: 'good', text: 'as soon as possible' };
  const off = ratio((BigInt(today.spendNanos) - BigInt(plannedNanos)).toString(), dailyBudgetNanos);
  if (off > 0.05) return { level: 'ahead', text: `${share(off)} ahead` };
  if (off < -0.05) return { level: 'behind', text: `${share(-off)} behind` };
  return { level: 'good', text: 'on plan' };
}
