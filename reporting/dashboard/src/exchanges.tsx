import { type Report, useData } from './data.ts';
import { count, percent } from './format.ts';
import { Card, Fault, Loading } from './parts.tsx';
import { metricText } from './reporttable.tsx';
import { Table } from './table.tsx';

const metrics = ['wins', 'losses', 'impressions', 'clicks', 'spendNanos', 'averagePriceCpm', 'received', 'invalid'];

/** What came back from each exchange today. */
export function Exchanges() {
  const report = useData<Report>(`/reports?dimensions=exchange&metrics=${metrics.join(',')}&order=-spendNanos`, 10_000);
  return (
    <Card title="Exchanges today" flush>
      {report.problem !== null && <Fault problem={report.problem} onRetry={report.reload} />}
      {report.data === null && report.problem === null && <Loading label="Loading the exchanges" />}
      {report.data?.rows.length === 0 && <p class="note">Nothing came back today.</p>}
      {report.data !== null && report.data.rows.length > 0 && (
        <Table
          label="Exchanges"
          columns={[
            'Exchange',
            '#Wins',
            '#Won of known',
            '#Impressions',
            '#Clicks',
            '#Spend',
            '#Average price',
            '#Invalid',
          ]}
        >
          {report.data.rows.map((row) => {
            const [wins, losses] = [Number(row.wins), Number(row.losses)];
            return (
              <tr key={String(row.exchange)}>
                <th scope="row">{row.exchange || 'Unknown'}</th>
                <td class="number">{count(wins)}</td>
                <td class="number">{percent(wins, wins + losses)}</td>
                <td class="number">{count(Number(row.impressions))}</td>
                <td class="number">{count(Number(row.clicks))}</td>
                <td class="number">{metricText('spendNanos', row.spendNanos ?? null, report.data!.currency)}</td>
                <td class="number">
                  {metricText('averagePriceCpm', row.averagePriceCpm ?? null, report.data!.currency)}
                </td>
                <td class="number">{percent(Number(row.invalid), Number(row.received))}</td>
              </tr>
            );
          })}
        </Table>
      )}
    </Card>
  );
}
