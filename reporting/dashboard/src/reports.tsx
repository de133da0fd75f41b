import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Me } from './client.ts';
import { type Campaign, type Page, type Report, useData } from './data.ts';
import { ExportButton } from './exportbutton.tsx';
import { SelectField, TextField } from './fields.tsx';
import { dimensionLabels, metricLabels } from './labels.ts';
import { Card, Fault, Loading } from './parts.tsx';
import { firstFault, mixFault } from './reportmix.ts';
import { ReportTable } from './reporttable.tsx';
import { SavedReports } from './savedreports.tsx';

const dimensions = Object.keys(dimensionLabels);
/** The usual ones first; the others are there on demand. */
const metrics = Object.keys(metricLabels);
const USUAL_DIMENSIONS = 15;
const USUAL_METRICS = 14;
const granularities = {
  none: 'in all',
  minute: 'by minute',
  hour: 'by hour',
  day: 'by day',
  week: 'by week',
  month: 'by month',
} as const;

const periods = {
  today: 'today',
  yesterday: 'yesterday',
  last_7_days: 'last 7 days',
  last_30_days: 'last 30 days',
  this_month: 'this month',
  last_month: 'last month',
  '': 'days of your choice',
} as const;

const comparisons = { previous: 'the period before', none: 'nothing' } as const;

interface Choice {
  readonly from: string;
  readonly to: string;
  /** A span that moves with time, in place of days; '' where days are chosen. */
  readonly period: string;
  /** As the API takes it: `campaign:10`; '' for everything. */
  readonly filter: string;
  readonly granularity: string;
  readonly timezone: string;
  readonly dimensions: readonly string[];
  readonly metrics: readonly string[];
  /** Beside each measure that of the period before, in files too. */
  readonly compare: keyof typeof comparisons;
}

/** The choice in the page's address, so that a report can be kept and shared as a link. */
function fromAddress(homeZone: string): Choice {
  const params = new URLSearchParams(location.search);
  const words = (name: string, otherwise: string): readonly string[] =>
    (params.get(name) ?? otherwise).split(',').filter((word) => word !== '');
  const [from, to] = [params.get('from') ?? '', params.get('to') ?? ''];
  return {
    from,
    to,
    period: params.get('period') ?? (from === '' && to === '' ? 'today' : ''),
    filter: params.get('filter') ?? '',
    granularity: params.get('granularity') ?? 'none',
    timezone: params.get('timezone') ?? homeZone,
    dimensions: words('dimensions', 'campaign'),
    metrics: words('metrics', 'spendNanos,impressions,clicks,ctr,ecpm'),
    compare: params.size === 0 || params.get('compare') === 'previous' ? 'previous' : 'none',
  };
}

function toQuery(choice: Choice): string {
  const params = new URLSearchParams();
  if (choice.from !== '') params.set('from', choice.from);
  if (choice.to !== '') params.set('to', choice.to);
  if (choice.period !== '') params.set('period', choice.period);
  params.set('granularity', choice.granularity);
  params.set('timezone', choice.timezone);
  params.set('dimensions', choice.dimensions.join(','));
  params.set('metrics', choice.metrics.join(','));
  if (choice.filter !== '') params.set('filter', choice.filter);
  if (choice.compare === 'previous') params.set('compare', 'previous');
  return params.toString();
}

/** Any mix of dimensions and metrics over any time, on screen and as a file. */
export function Reports({ me }: { me: Me }) {
  const homeZone = me.timeZone ?? 'UTC';
  const [choice, setChoice] = useState(() => fromAddress(homeZone));
  const query = useMemo(() => toQuery(choice), [choice]);
  // Of more rows than the page holds, the largest.
  const order = choice.granularity === 'none' && choice.metrics.length > 0 ? `&order=-${choice.metrics[0]}` : '';
  const path = `/reports?${query}&totals=true&limit=1000${order}`;
  const report = useData<Report>(choice.metrics.length === 0 ? null : path);
  useEffect(() => {
    const follow = (): void => setChoice(fromAddress(homeZone));
    addEventListener('popstate', follow);
    return () => removeEventListener('popstate', follow);
  }, [homeZone]);
  const update = (part: Partial<Choice>): void => {
    const next = { ...choice, ...part };
    history.replaceState(null, '', `/reports?${toQuery(next)}`);
    setChoice(next);
  };
  return (
    <>
      <header class="page-head">
        <div>
          <h1>Reports</h1>
          <p>The address of this page keeps your choice: bookmark it or share it.</p>
        </div>
        <div class="actions">
          <ExportButton
            path={`/api/v1/reports?${query}&format=parquet`}
            name="evenkeel-report.parquet"
            label="Export Parquet"
          />
          <ExportButton
            path={`/api/v1/reports?${query}&format=csv`}
            name="evenkeel-report.csv"
            label="Export CSV"
            primary
          />
        </div>
      </header>
      <Card title="What to show">
        <Times choice={choice} update={update} />
        <Picks
          title="Break down by"
          all={dimensions}
          usual={USUAL_DIMENSIONS}
          labels={dimensionLabels}
          chosen={choice.dimensions}
          faultOf={(name) => firstFault(choice.metrics, (metric) => mixFault(metric, name))}
          onChange={(names) => update({ dimensions: names })}
        />
        <Picks
          title="Measure"
          all={metrics}
          usual={USUAL_METRICS}
          labels={metricLabels}
          chosen={choice.metrics}
          faultOf={(name) => firstFault(choice.dimensions, (dimension) => mixFault(name, dimension))}
          onChange={(names) => update({ metrics: names })}
        />
      </Card>
      <Card title="Result" flush>
        {report.problem !== null && <Fault problem={report.problem} onRetry={report.reload} />}
        {report.data === null && report.problem === null ? (
          <Loading label="Loading the report" />
        ) : (
          report.data !== null && (
            <ReportTable
              report={report.data}
              dimensions={choice.dimensions}
              metrics={choice.metrics}
              timeZone={choice.timezone}
              granularity={choice.granularity}
            />
          )
        )}
      </Card>
      <SavedReports me={me} query={query} />
    </>
  );
}

function Times({ choice, update }: { choice: Choice; update: (part: Partial<Choice>) => void }) {
  const zones = useMemo(() => new Map(['UTC', ...Intl.supportedValuesOf('timeZone')].map((zone) => [zone, zone])), []);
  const campaigns = useData<Page<Campaign>>('/campaigns?limit=1000');
  const only = new Map([
    ['', 'all campaigns'],
    // What a link asked for, as long as it has no name.
    [choice.filter, choice.filter === '' ? 'all campaigns' : choice.filter.replace(':', ' ')],
    ...(campaigns.data?.items ?? []).map(({ id, name }) => [`campaign:${id}`, name] as const),
  ]);
  return (
    <div class="form">
      <div class="columns narrow">
        <SelectField
          id="re-period"
          label="Time"
          value={choice.period}
          options={new Map(Object.entries(periods))}
          onChange={(period) => update({ period, from: '', to: '' })}
        />
        {choice.period === '' && (
          <>
            <TextField
              id="re-from"
              label="From"
              hint="Empty: today."
              type="date"
              value={choice.from}
              onInput={(from) => update({ from })}
            />
            <TextField
              id="re-to"
              label="To"
              hint="This day included."
              type="date"
              value={choice.to}
              onInput={(to) => update({ to })}
            />
          </>
        )}
        <SelectField
          id="re-only"
          label="Only"
          value={choice.filter}
          options={only}
          onChange={(filter) => update({ filter })}
        />
        <SelectField
          id="re-granularity"
          label="Show time"
          value={choice.granularity}
          options={granularities}
          onChange={(granularity) => update({ granularity })}
        />
        <SelectField
          id="re-zone"
          label="Time zone"
          value={choice.timezone}
          options={zones}
          onChange={(timezone) => update({ timezone })}
        />
        <SelectField
          id="re-compare"
          label="Compare with"
          value={choice.compare}
          options={comparisons}
          onChange={(compare) => update({ compare: compare === 'previous' ? 'previous' : 'none' })}
        />
      </div>
    </div>
  );
}

interface PicksProps {
  readonly title: string;
  readonly all: readonly string[];
  /** How many are shown before somebody asks for more. */
  readonly usual: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly chosen: readonly string[];
  /** Why one does not go with what is chosen elsewhere; '' when it does. */
  readonly faultOf: (name: string) => string;
  readonly onChange: (names: readonly string[]) => void;
}

/** Chips that can be ticked; the order of ticking is the order of columns. */
function Picks({ title, all, usual, labels, chosen, faultOf, onChange }: PicksProps) {
  const [more, setMore] = useState(false);
  // What is chosen can always be taken back.
  const faults = new Map(all.filter((name) => !chosen.includes(name)).map((name) => [name, faultOf(name)]));
  const shown = all.filter((name, i) => more || i < usual || chosen.includes(name));
  const toggle = (name: string): void =>
    onChange(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
  return (
    <fieldset class="words picks">
      <legend>{title}</legend>
      {shown.map((name) => (
        <label key={name} class={chosen.includes(name) ? 'on' : faults.get(name) ? 'off' : ''} title={faults.get(name)}>
          <input
            type="checkbox"
            checked={chosen.includes(name)}
            disabled={Boolean(faults.get(name))}
            onChange={() => toggle(name)}
          />
          {labels[name] ?? name}
        </label>
      ))}
      {shown.length < all.length && (
        <button type="button" class="link" onClick={() => setMore(true)}>
          {all.length - shown.length} more<span class="sr"> to {title.toLowerCase()}</span>
        </button>
      )}
      <WhyNot faults={shown.map((name) => faults.get(name) ?? '').filter((fault) => fault !== '')} />
    </fieldset>
  );
}

/** Why some chips can not be ticked: one reason of how many. */
function WhyNot({ faults }: { faults: readonly string[] }) {
  if (faults.length === 0) return null;
  const others = faults.length === 1 ? '' : ` The same goes for ${faults.length - 1} more here.`;
  return <p class="note">{`${faults[0]}${others}`}</p>;
}
