import type { StoreHealth } from '../../../core/storehealth.ts';
import { bytesOf, count, dateTime, share } from './format.ts';
import { Card } from './parts.tsx';
import { Table } from './table.tsx';

/** What `/events/status` tells of the store; null: this server has none. */
export type StoreStatus = StoreHealth | { readonly error: { readonly code: string; readonly message: string } } | null;

/** Below this share of free disk ClickHouse soon has no room to merge. */
const LITTLE_DISK = 0.1;
/** ClickHouse slows inserts down from 1000 parts of a partition on (`parts_to_delay_insert`). */
const MANY_PARTS = 500;

/** How the store of reports is doing: what it answers, how fast, what failed, what is on its disk. */
export function StoreCard({ store }: { store: StoreStatus }) {
  return (
    <Card title="Store of reports" flush>
      {store === null ? (
        <p class="note">This server has no store.</p>
      ) : 'error' in store ? (
        <p class="note" role="alert">
          <span class="pill bad">does not answer</span> {store.error.message} (<code>{store.error.code}</code>)
        </p>
      ) : (
        <Answering store={store} />
      )}
    </Card>
  );
}

function Answering({ store }: { store: StoreHealth }) {
  const { queries, lastError, diskFreeBytes, diskBytes } = store;
  const free = diskBytes === 0 ? 1 : diskFreeBytes / diskBytes;
  const facts: readonly (readonly [label: string, name: string, value: string, faulty?: boolean])[] = [
    ['Answered just now in', 'answered', ms(store.answeredMs)],
    [
      `The latest ${count(queries.count)} report queries, p50 / p95 / slowest`,
      'queries',
      `${ms(queries.p50Ms)} / ${ms(queries.p95Ms)} / ${ms(queries.maxMs)}`,
    ],
    ['Statements that failed since the start', 'failed', count(store.errors), store.errors > 0],
    ['Disk free', 'disk', `${bytesOf(diskFreeBytes)} of ${bytesOf(diskBytes)} (${share(free)})`, free < LITTLE_DISK],
    ['Days summed up', 'days', count(store.daysSummedUp)],
    ['ClickHouse', 'version', store.version],
  ];
  return (
    <>
      <dl class="facts inset">
        {facts.map(([label, name, value, faulty]) => (
          <div key={name}>
            <dt>{label}</dt>
            <dd data-store={name}>{faulty ? <span class="pill bad">{value}</span> : value}</dd>
          </div>
        ))}
        {lastError !== null && (
          <div>
            <dt>The last failure, {dateTime(lastError.atMs)}</dt>
            <dd data-store="last-error">
              <code>{lastError.code}</code> {lastError.message}
            </dd>
          </div>
        )}
      </dl>
      <Table
        label="Tables of the store"
        columns={['Table', '#Rows', '#Size', '#Parts', '#Most of a day', 'Last written']}
      >
        {store.tables.map((table) => (
          <tr key={table.table} data-table={table.table}>
            <th scope="row">
              <code>{table.table}</code>
            </th>
            <td class="number">{count(table.rows)}</td>
            <td class="number">{bytesOf(table.bytes)}</td>
            <td class="number">{count(table.parts)}</td>
            <td class="number">
              {table.mostPartsOfADay > MANY_PARTS ? (
                <span class="pill warn">{count(table.mostPartsOfADay)}: merges fall behind</span>
              ) : (
                count(table.mostPartsOfADay)
              )}
            </td>
            <td>{table.lastInsertMs === null ? 'never' : dateTime(table.lastInsertMs)}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}

function ms(value: number | null): string {
  return value === null ? '–' : `${value < 10 ? value.toFixed(1) : count(Math.round(value))} ms`;
}
