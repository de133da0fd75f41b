import { useMemo, useState } from 'preact/hooks';
import { type Report, useData } from './data.ts';
import { Icon } from './icons.tsx';
import { dimensionLabels, metricLabels } from './labels.ts';
import { Card, Fault, Field, Loading } from './parts.tsx';
import { ReportTable } from './reporttable.tsx';

const dimensions = [
  'advertiser',
  'campaign',
  'lineItem',
  'creative',
  'exchange',
  'deal',
  'domain',
  'country',
  'region',
  'deviceType',
  'os',
  'size',
  'format',
  'hourOfDay',
  'dayOfWeek',
];
const metrics = [
  'spendNanos',
  'impressions',
  'clicks',
  'ctr',
  'ecpm',
  'ecpc',
  'conversions',
  'ecpa',
  'wins',
  'reach',
  'frequency',
  'videoStarts',
  'videoCompletes',
];
const granularities = {
  none: 'in all',
  minute: 'by minute',
  hour: 'by hour',
  day: 'by day',
  week: 'by week',
  month: 'by month',
} as const;

interface Choice {
  readonly from: string;
  readonly to: string;
  readonly granularity: string;
  readonly timezone: string;
  readonly dimensions: readonly string[];
  readonly metrics: readonly string[];
}

/** The choice in the page's address, so that a report can be kept and shared as a link. */
function fromAddress(): Choice {
  const params = new URLSearchParams(location.search);
  const words = (name: string, otherwise: string): readonly string[] =>
    (params.get(name) ?? otherwise).split(',').filter((word) => word !== '');
  return {
    from: params.get('from') ?? '',
    to: params.get('to') ?? '',
    granularity: params.get('granularity') ?? 'none',
    timezone: params.get('timezone') ?? 'UTC',
    dimensions: words('dimensions', 'campaign'),
    metrics: words('metrics', 'spendNanos,impressions,clicks,ctr,ecpm'),
  };
}

function toQuery(choice: Choice): string {
  const params = new URLSearchParams();
  if (choice.from !== '') params.set('from', choice.from);
  if (choice.to !== '') params.set('to', choice.to);
  params.set('granularity', choice.granularity);
  params.set('timezone', choice.timezone);
  params.set('dimensions', choice.dimensions.join(','));
  params.set('metrics', choice.metrics.join(','));
  return params.toString();
}

/** Any mix of dimensions and metrics over any time, on screen and as a file. */
export function Reports() {
  const [choice, setChoice] = useState(fromAddress);
  const query = useMemo(() => toQuery(choice), [choice]);
  const report = useData<Report>(
    choice.metrics.length === 0 ? null : `/reports?${query}&totals=true&compare=previous&limit=1000`,
  );
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
          <a class="button primary" href={`/api/v1/reports?${query}&format=csv`} download="evenkeel-report.csv">
            <Icon name="download" /> Export CSV
          </a>
        </div>
      </header>
      <Card title="What to show">
        <Times choice={choice} update={update} />
        <Picks
          title="Break down by"
          all={dimensions}
          labels={dimensionLabels}
          chosen={choice.dimensions}
          onChange={(names) => update({ dimensions: names })}
        />
        <Picks
          title="Measure"
          all={metrics}
          labels={metricLabels}
          chosen={choice.metrics}
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
    </>
  );
}

function Times({ choice, update }: { choice: Choice; update: (part: Partial<Choice>) => void }) {
  const zones = useMemo(() => ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')], []);
  return (
    <div class="form">
      <div class="columns narrow">
        <Field label="From" id="re-from" hint="Empty: today.">
          <input
            id="re-from"
            type="date"
            value={choice.from}
            onChange={(event) => update({ from: event.currentTarget.value })}
          />
        </Field>
        <Field label="To" id="re-to" hint="This day included.">
          <input
            id="re-to"
            type="date"
            value={choice.to}
            onChange={(event) => update({ to: event.currentTarget.value })}
          />
        </Field>
        <Field label="Show time" id="re-granularity">
          <select
            id="re-granularity"
            value={choice.granularity}
            onChange={(event) => update({ granularity: event.currentTarget.value })}
          >
            {Object.entries(granularities).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Time zone" id="re-zone">
          <select
            id="re-zone"
            value={choice.timezone}
            onChange={(event) => update({ timezone: event.currentTarget.value })}
          >
            {zones.map((zone) => (
              <option key={zone}>{zone}</option>
            ))}
          </select>
        </Field>
      </div>
    </div>
  );
}

interface PicksProps {
  readonly title: string;
  readonly all: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly chosen: readonly string[];
  readonly onChange: (names: readonly string[]) => void;
}

/** Chips that can be ticked; the order of ticking is the order of columns. */
function Picks({ title, all, labels, chosen, onChange }: PicksProps) {
  const toggle = (name: string): void =>
    onChange(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
  return (
    <fieldset class="picks">
      <legend>{title}</legend>
      {all.map((name) => (
        <label key={name} class={chosen.includes(name) ? 'on' : ''}>
          <input type="checkbox" checked={chosen.includes(name)} onChange={() => toggle(name)} />
          {labels[name] ?? name}
        </label>
      ))}
    </fieldset>
  );
}
