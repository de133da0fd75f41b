import { useState } from 'preact/hooks';
import { type Report, type ReportRow, useData } from './data.ts';
import { count, ecpm, money, percent, ratio } from './format.ts';
import { dimensionLabels, dimensionValue } from './labels.ts';
import { Card, Fault, Loading, Scroll } from './parts.tsx';

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
    <fieldset class="tabs">
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
    </Card>
  );
}

function Rows({ rows, dimension, currency }: { rows: readonly ReportRow[]; dimension: string; currency: string }) {
  const most = rows.reduce((max, row) => (BigInt(row.spendNanos ?? 0) > max ? BigInt(row.spendNanos ?? 0) : max), 1n);
  return (
    <Scroll label="Breakdown">
      <table>
        <thead>
          <tr>
            <th scope="col">{dimensionLabels[dimension] ?? dimension}</th>
            <th scope="col" class="number">
              Spend
            </th>
            <th scope="col" class="number">
              Impressions
            </th>
            <th scope="col" class="number">
              Clicks
            </th>
            <th scope="col" class="number">
              CTR
            </th>
            <th scope="col" class="number">
              eCPM
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const spend = String(row.spendNanos ?? '0');
            const [impressions, clicks] = [Number(row.impressions), Number(row.clicks)];
            return (
              <tr key={String(row[dimension])}>
                <th scope="row" class="barred">
                  <i style={{ width: `${ratio(spend, most) * 100}%` }} />
                  <span>{row[`${dimension}Name`] || dimensionValue(dimension, row[dimension] ?? '')}</span>
                </th>
                <td class="number">{money(spend, currency)}</td>
                <td class="number">{count(impressions)}</td>
                <td class="number">{count(clicks)}</td>
                <td class="number">{percent(clicks, impressions)}</td>
                <td class="number">{ecpm(spend, impressions, currency)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}
