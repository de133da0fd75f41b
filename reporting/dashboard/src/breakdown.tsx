import { useState } from 'preact/hooks';
import { type Report, type ReportRow, useData } from './data.ts';
import { ratio } from './format.ts';
import { dimensionLabels, dimensionValue } from './labels.ts';
import { Card, Fault, Loading } from './parts.tsx';
import { MoneyCell, ResultCells, resultColumns, Table } from './table.tsx';

const dimensions = ['country', 'domain', 'deviceType', 'os', 'size', 'exchange', 'creative', 'hourOfDay'] as const;

interface BreakdownProps {
  readonly campaignId: number;
  readonly currency: string;
  readonly timeZone: string;
}

/** Today's delivery by one dimension, largest spend first. */
export function Breakdown({ campaignId, currency, timeZone }: BreakdownProps) {
  const [dimension, setDimension] = useState<(typeof dimensions)[number]>('country');
  const zone = encodeURIComponent(timeZone);
  const query = `dimensions=${dimension}&metrics=impressions,clicks,spendNanos&order=-spendNanos&limit=10&timezone=${zone}&filter=campaign:${campaignId}`;
  const report = useData<Report>(`/reports?${query}`, 10_000);
  const side = (
    <fieldset class="words tabs">
      <legend class="sr">Break down by</legend>
      {dimensions.map((name) => (
        <label key={name} class={name === dimension ? 'on' : ''}>
          <input type="radio" name="breakdown" checked={name === dimension} onChange={() => setDimension(name)} />
          {dimensionLabels[name]}
        </label>
      ))}
    </fieldset>
  );
  return (
    <Card title="Where it ran today" side={side} flush>
      {report.problem !== null && <Fault problem={report.problem} onRetry={report.reload} />}
      {report.data === null ? (
        <Loading label="Loading the breakdown" />
      ) : report.data.rows.length === 0 ? (
        <p class="note">Nothing was delivered today.</p>
      ) : (
        <Rows rows={report.data.rows} dimension={dimension} currency={currency} />
      )}
      <p class="note">
        <a href={`/reports?dimensions=${dimension}&filter=campaign:${campaignId}&timezone=${zone}&compare=previous`}>
          All of it, over any time
        </a>
      </p>
    </Card>
  );
}

function Rows({ rows, dimension, currency }: { rows: readonly ReportRow[]; dimension: string; currency: string }) {
  const most = rows.reduce((max, row) => (BigInt(row.spendNanos ?? 0) > max ? BigInt(row.spendNanos ?? 0) : max), 1n);
  return (
    <Table label="Breakdown" columns={[dimensionLabels[dimension] ?? dimension, '#Spend', ...resultColumns]}>
      {rows.map((row) => {
        const spendNanos = String(row.spendNanos ?? '0');
        const counts = { impressions: Number(row.impressions), clicks: Number(row.clicks), spendNanos };
        return (
          <tr key={String(row[dimension])}>
            <th scope="row" class="barred">
              <i style={{ width: `${ratio(spendNanos, most) * 100}%` }} />
              <span>{row[`${dimension}Name`] || dimensionValue(dimension, row[dimension] ?? '')}</span>
            </th>
            <MoneyCell nanos={spendNanos} currency={currency} />
            <ResultCells counts={counts} currency={currency} />
          </tr>
        );
      })}
    </Table>
  );
}
