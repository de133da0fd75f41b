import type { ComponentChildren } from 'preact';
import type { List } from './data.ts';
import { count, ecpm, money, percent } from './format.ts';
import type { Counts } from './live.ts';
import { Card, Fault, Loading, Scroll } from './parts.tsx';

/** Headings of a table: text, `#text` for a column of numbers, '' for one of buttons. */
function Columns({ names }: { names: readonly string[] }) {
  return (
    <thead>
      <tr>
        {names.map((name) => (
          <th key={name} scope="col" class={name.startsWith('#') ? 'number' : ''}>
            {name === '' ? <span class="sr">Actions</span> : name.replace(/^#/, '')}
          </th>
        ))}
      </tr>
    </thead>
  );
}

interface TableProps {
  readonly label: string;
  readonly columns: readonly string[];
  readonly children: ComponentChildren;
}

export function Table({ label, columns, children }: TableProps) {
  return (
    <Scroll label={label}>
      <table>
        <Columns names={columns} />
        <tbody>{children}</tbody>
      </table>
    </Scroll>
  );
}

interface ListCardProps<T> {
  readonly title: string;
  readonly label: string;
  readonly list: List<T>;
  readonly empty: string;
  readonly columns: readonly string[];
  readonly side?: ComponentChildren;
  /** What stands above the table, a form for instance. */
  readonly above?: ComponentChildren;
  readonly row: (item: T) => ComponentChildren;
}

/** A list of the API as a card with a table, with its loading, empty and error states. */
export function ListCard<T>({ title, label, list, empty, columns, side, above, row }: ListCardProps<T>) {
  const items = list.data?.items;
  return (
    <Card title={title} side={side} flush>
      {list.problem !== null && <Fault problem={list.problem} onRetry={list.reload} />}
      {above}
      {items === undefined && list.problem === null && <Loading label={`Loading ${label.toLowerCase()}`} />}
      {items?.length === 0 && <p class="note">{empty}</p>}
      {items !== undefined && items.length > 0 && (
        <Table label={label} columns={columns}>
          {items.map(row)}
        </Table>
      )}
      <More list={list} />
    </Card>
  );
}

/** Asks for the next page of a list, while there is one. */
export function More<T>({ list }: { list: List<T> }) {
  if (list.more === null) return null;
  return (
    <p class="more-row">
      <button type="button" onClick={list.more}>
        Show more
      </button>{' '}
      <small>{count(list.data?.items.length ?? 0)} so far</small>
    </p>
  );
}

/** Headings of `ResultCells`. */
export const resultColumns = ['#Impressions', '#Clicks', '#CTR', '#eCPM'] as const;

/** What was delivered, as cells of a row. */
export function ResultCells({ counts, currency }: { counts: Counts; currency: string }) {
  const { impressions, clicks, spendNanos } = counts;
  return (
    <>
      <td class="number" data-field="impressions">
        {count(impressions)}
      </td>
      <td class="number" data-field="clicks">
        {count(clicks)}
      </td>
      <td class="number">{percent(clicks, impressions)}</td>
      <td class="number">{ecpm(spendNanos, impressions, currency)}</td>
    </>
  );
}

export function MoneyCell({ nanos, currency }: { nanos: string; currency: string }) {
  return <td class="number">{money(nanos, currency)}</td>;
}
