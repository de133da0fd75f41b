import { useState } from 'preact/hooks';
import { type ApiProblem, type Me, send } from './client.ts';
import { useList } from './data.ts';
import { EditorForm } from './editorform.tsx';
import { SelectField, TextField } from './fields.tsx';
import { dateTime } from './format.ts';
import { useSubmit } from './formstate.tsx';
import { Fault } from './parts.tsx';
import { ShownOnce } from './shownonce.tsx';
import { ListCard } from './table.tsx';

interface Run {
  readonly id: string;
  readonly atMs: number;
  readonly bytes: number;
  readonly error: string | null;
  readonly delivery: { readonly status: string } | null;
}
interface SavedReport {
  readonly id: string;
  readonly name: string;
  readonly query: string;
  readonly format: string;
  readonly schedule: { readonly every: string; readonly hour: number } | null;
  readonly deliverTo: string | null;
  readonly nextMs: number | null;
  readonly runs: readonly Run[];
}

interface SavedReportsProps {
  readonly me: Me;
  /** The report on the page, as what follows `?`. */
  readonly query: string;
}

/** Reports that are kept, run on schedule, and can be fetched again. */
export function SavedReports({ me, query }: SavedReportsProps) {
  const saved = useList<SavedReport>('/saved-reports', 15_000);
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const mayWrite = me.role !== 'read_only';
  const side = mayWrite && (
    <button type="button" onClick={() => setAdding(true)}>
      Save this report
    </button>
  );
  const above = (
    <>
      {secret !== null && <ShownOnce kind="secret" what="the secret of the signature" text={secret} />}
      {adding && (
        <NewSavedReport
          me={me}
          query={query}
          onDone={(told) => {
            setAdding(false);
            setSecret(told);
            saved.reload();
          }}
        />
      )}
    </>
  );
  return (
    <ListCard
      title="Saved reports"
      label="Saved reports"
      list={saved}
      empty="None yet. Save the report above to have it again, or every morning."
      columns={['Report', 'Runs', 'Latest', '']}
      side={side}
      above={above}
      row={(report) => <Row key={report.id} report={report} mayWrite={mayWrite} onChange={saved.reload} />}
    />
  );
}

function Row({ report, mayWrite, onChange }: { report: SavedReport; mayWrite: boolean; onChange: () => void }) {
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const latest = report.runs[0];
  const change = async (method: string, path: string): Promise<void> => {
    setProblem(null);
    await send(method, path).catch(setProblem);
    onChange();
  };
  return (
    <tr>
      <th scope="row">
        <a class="name" href={`/reports?${report.query}`}>
          {report.name}
        </a>
        <small>{report.format.toUpperCase()}</small>
        {problem !== null && <Fault problem={problem} />}
      </th>
      <td class="wrap">
        {report.schedule === null ? 'when asked' : scheduleText(report.schedule)}
        {report.nextMs !== null && <small class="block">next {dateTime(report.nextMs)}</small>}
        {report.deliverTo !== null && <small class="block">sent to {report.deliverTo}</small>}
      </td>
      <td class="wrap">
        {latest === undefined ? (
          'not yet'
        ) : latest.error !== null ? (
          <span class="pill rejected">{latest.error}</span>
        ) : (
          <a href={`/api/v1/saved-reports/${report.id}/file`} download={`${report.name}.${report.format}`}>
            {dateTime(latest.atMs)}, {Math.ceil(latest.bytes / 1024)} KB
          </a>
        )}
        {latest?.delivery && <small class="block">{latest.delivery.status.replace('_', ' ')}</small>}
      </td>
      <td class="number">
        {mayWrite && (
          <span class="actions end">
            <button
              type="button"
              onClick={() => change('POST', `/saved-reports/${report.id}/runs`)}
              aria-label={`Run now: ${report.name}`}
            >
              Run now
            </button>
            <button
              type="button"
              class="danger"
              onClick={() =>
                confirm(`Delete “${report.name}” and its files?`) && change('DELETE', `/saved-reports/${report.id}`)
              }
              aria-label={`Delete ${report.name}`}
            >
              Delete
            </button>
          </span>
        )}
      </td>
    </tr>
  );
}

function scheduleText({ every, hour }: { every: string; hour: number }): string {
  const at = `at ${String(hour).padStart(2, '0')}:00`;
  if (every === 'hour') return 'every hour';
  if (every === 'day') return `every day ${at}`;
  return every === 'week' ? `Mondays ${at}` : `the 1st of the month ${at}`;
}

const schedules = {
  '': 'only when asked',
  hour: 'every hour',
  day: 'every day',
  week: 'every Monday',
  month: 'on the 1st of the month',
};
const periodNames = {
  today: 'today',
  yesterday: 'yesterday',
  last_7_days: 'the last 7 days',
  last_30_days: 'the last 30 days',
  this_month: 'this month',
  last_month: 'last month',
};
const hours = Object.fromEntries(Array.from({ length: 24 }, (_, i) => [String(i), `${String(i).padStart(2, '0')}:00`]));

interface NewSavedReportProps {
  readonly me: Me;
  readonly query: string;
  /** @param secret of the deliveries, told this once */
  readonly onDone: (secret: string | null) => void;
}

function NewSavedReport({ me, query, onDone }: NewSavedReportProps) {
  const [text, setText] = useState({
    name: '',
    period: 'yesterday',
    every: '',
    hour: '6',
    format: 'csv',
    deliverTo: '',
  });
  const set = (field: keyof typeof text) => (value: string) => setText({ ...text, [field]: value });
  const form = useSubmit(async () => {
    const params = new URLSearchParams(query);
    params.delete('from');
    params.delete('to');
    params.set('period', text.period);
    const schedule = text.every === '' ? null : { every: text.every, hour: Number(text.hour) };
    const deliverTo = text.deliverTo === '' ? null : text.deliverTo;
    const body = { name: text.name, query: params.toString(), format: text.format, schedule, deliverTo };
    const made = await send<{ secret?: string }>('POST', '/saved-reports', { body });
    onDone(made.secret ?? null);
  });
  return (
    <EditorForm label="Save this report" form={form} save="Save report" onCancel={() => onDone(null)}>
      <div class="columns narrow">
        <TextField
          id="sr-name"
          label="Report name"
          required
          fault={form.faultOf('name')}
          value={text.name}
          onInput={set('name')}
        />
        <SelectField id="sr-period" label="About" value={text.period} options={periodNames} onChange={set('period')} />
        <SelectField id="sr-every" label="Run it" value={text.every} options={schedules} onChange={set('every')} />
        {text.every !== '' && text.every !== 'hour' && (
          <SelectField
            id="sr-hour"
            label="At"
            hint="In the report’s time zone."
            value={text.hour}
            options={hours}
            onChange={set('hour')}
          />
        )}
        <SelectField
          id="sr-format"
          label="File"
          value={text.format}
          options={{ csv: 'CSV', parquet: 'Parquet' }}
          onChange={set('format')}
        />
        {me.role === 'operator' && (
          <TextField
            id="sr-deliver"
            label="Send it to"
            hint="A signed POST to this address. Empty: kept here."
            type="url"
            fault={form.faultOf('deliverTo')}
            value={text.deliverTo}
            onInput={set('deliverTo')}
          />
        )}
      </div>
    </EditorForm>
  );
}
