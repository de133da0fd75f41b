import type { Campaign, Goal, LineItem } from '../../core/campaign.ts';
import { csvCell } from './csv.ts';
import { parseCsv } from './csvreader.ts';
import type { Directory } from './directory.ts';
import { invalidField } from './problem.ts';

/**
 * The columns of the CSV form: a line item a line. Lines that follow each other with the same advertiser, name and a
 * `lineItem` each are one campaign, whose own cells stand in the first of them and may be repeated. A line without
 * `lineItem` is a campaign with one line item of its name. `campaign` may hold any mark that tells campaigns of one name
 * apart; an export writes its id there. Amounts are in units of currency.
 */
const campaignColumns = [
  'campaign',
  'advertiserId',
  'name',
  'status',
  'dailyBudget',
  'lifetimeBudget',
  'start',
  'end',
] as const;
const lineItemColumns = [
  'lineItem',
  'goal',
  'target',
  'bidCpm',
  'pacing',
  'lineItemDailyBudget',
  'lineItemLifetimeBudget',
  'countries',
  'devices',
  'sites',
] as const;
const columns = [...campaignColumns, ...lineItemColumns] as const;
type Column = (typeof columns)[number];
type Cells = (name: Column) => string;

/** A campaign of an import. */
export interface ImportItem {
  /** Counted from 1: the first line of the CSV (its header is line 1), or the item of the JSON list. */
  readonly line: number;
  /** Its lines after the first. */
  readonly more: number;
  /** @throws Problem invalid_field for a cell that can not be read */
  readonly body: () => Record<string, unknown>;
  /** Where a field of the body stands in the file. */
  readonly placeOf: (field: string) => { readonly line: number; readonly field: string };
}

/** @throws Problem invalid_field for what is not such a file */
export function csvItems(text: string, maxLines: number): readonly ImportItem[] {
  const [header, ...rows] = parseCsv(text, maxLines + 1);
  const names = header?.map((name) => name.trim()) ?? [];
  const unknown = names.find((name) => !(columns as readonly string[]).includes(name));
  if (unknown !== undefined || !names.includes('name')) {
    throw invalidField(
      '(header)',
      unknown === undefined
        ? 'needs at least the column name'
        : `does not know the column ${unknown}; known: ${columns.join(', ')}`,
    );
  }
  const groups: { line: number; cells: Cells[] }[] = [];
  for (const [i, row] of rows.entries()) {
    const cells: Cells = (name) => row[names.indexOf(name)]?.trim() ?? '';
    const open = groups.at(-1);
    if (open !== undefined && continues(open.cells[0]!, cells)) open.cells.push(cells);
    else groups.push({ line: i + 2, cells: [cells] });
  }
  return groups.map(({ line, cells }) => ({
    line,
    more: cells.length - 1,
    body: () => campaignBody(cells),
    placeOf: (field) => placeOf(field, line),
  }));
}

function continues(first: Cells, next: Cells): boolean {
  if (first('lineItem') === '' || next('lineItem') === '' || first('campaign') !== next('campaign')) return false;
  return first('name') === next('name') && first('advertiserId') === next('advertiserId');
}

/** What a cell can not say goes by the name of its column; the rest by the field of the API. */
const columnOf: Readonly<Record<string, Column>> = {
  'budget.dailyMicros': 'dailyBudget',
  'budget.lifetimeMicros': 'lifetimeBudget',
  'flight.startMs': 'start',
  'flight.endMs': 'end',
};
const lineItemColumnOf: Readonly<Record<string, Column>> = {
  name: 'lineItem',
  'budget.dailyMicros': 'lineItemDailyBudget',
  'budget.lifetimeMicros': 'lineItemLifetimeBudget',
  'goal.type': 'goal',
  'goal.targetMicros': 'target',
  'goal.bidCpmMicros': 'bidCpm',
  'goal.maxCpmMicros': 'bidCpm',
};
const termColumnOf: Readonly<Record<string, Column>> = { country: 'countries', deviceType: 'devices', domain: 'sites' };

function placeOf(field: string, line: number): { readonly line: number; readonly field: string } {
  const match = /^lineItems\.(\d+)\.(.*)$/.exec(field);
  if (match === null) return { line, field: columnOf[field] ?? field };
  const [, index, rest] = match as unknown as [string, string, string];
  const term = /^targeting\.terms\.(\w+)/.exec(rest)?.[1] ?? '';
  return { line: line + Number(index), field: lineItemColumnOf[rest] ?? termColumnOf[term] ?? rest };
}

function campaignBody(lines: readonly Cells[]): Record<string, unknown> {
  const first = lines[0]!;
  for (const [i, line] of lines.entries()) {
    const other = campaignColumns.find((name) => line(name) !== '' && line(name) !== first(name));
    if (other !== undefined)
      throw invalidField(
        `lineItems.${i}.${other}`,
        `must be as in the campaign's first line, "${first(other)}", or empty`,
      );
  }
  return {
    advertiserId: Number(first('advertiserId')),
    name: first('name'),
    ...(first('status') === '' ? {} : { status: first('status') }),
    budget: { dailyMicros: micros(first, 'dailyBudget'), lifetimeMicros: micros(first, 'lifetimeBudget') },
    flight: { startMs: time(first, 'start', 0), endMs: time(first, 'end', null) },
    lineItems: lines.map((line, i) => lineItemBody(line, `lineItems.${i}.`)),
  };
}

function lineItemBody(cells: Cells, prefix: string): Record<string, unknown> {
  const words = (name: Column): string[] =>
    cells(name)
      .split(/[\s;]+/)
      .filter((word) => word !== '');
  const terms = Object.entries(termColumnOf).flatMap(([dimension, name]) => {
    const include = words(name);
    return include.length === 0 ? [] : [[dimension, { include }] as const];
  });
  const cpmMicros = micros(cells, 'bidCpm', prefix) ?? 2_000_000;
  const type = cells('goal') === '' ? 'cpm' : cells('goal').toLowerCase();
  const goal =
    type === 'cpm'
      ? { type, bidCpmMicros: cpmMicros }
      : { type, targetMicros: micros(cells, 'target', prefix), maxCpmMicros: cpmMicros };
  const budget = {
    dailyMicros: micros(cells, 'lineItemDailyBudget', prefix),
    lifetimeMicros: micros(cells, 'lineItemLifetimeBudget', prefix),
  };
  return {
    name: cells('lineItem') === '' ? cells('name') : cells('lineItem'),
    goal,
    budget,
    ...(cells('pacing') === '' ? {} : { pacing: cells('pacing') }),
    targeting: { terms: Object.fromEntries(terms) },
  };
}

function time(cells: Cells, name: Column, otherwise: number | null): number | null {
  const atMs = cells(name) === '' ? otherwise : Date.parse(cells(name));
  if (Number.isNaN(atMs)) throw invalidField(name, `"${cells(name)}" is not a time such as 2026-12-01T00:00:00Z`);
  return atMs;
}

/** An amount as exact micros. @throws Problem invalid_field */
function micros(cells: Cells, name: Column, prefix = ''): number | null {
  const text = cells(name);
  if (text === '') return null;
  const match = /^(\d{1,9})(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) throw invalidField(`${prefix}${name}`, `"${text}" is not an amount such as 12.50`);
  return Number(match[1]) * 1_000_000 + Number((match[2] ?? '').padEnd(6, '0'));
}

/** Campaigns as an import reads them; creatives, hours, caps and other targeting are not part of it. */
export function campaignsCsv(directory: Directory, campaigns: readonly Campaign[]): string {
  const lines = campaigns.flatMap((campaign) => {
    const lineItems = directory.childrenOf('campaign', campaign.id).map((id) => directory.get('line_item', id)!);
    const own = campaignCells(campaign);
    return (lineItems.length === 0 ? [null] : lineItems).map((lineItem) => [...own, ...lineItemCells(lineItem)]);
  });
  return [columns, ...lines].map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('');
}

const units = (amount: number | null): string => (amount === null ? '' : String(amount / 1_000_000));
const instant = (atMs: number | null): string => (atMs === null || atMs === 0 ? '' : new Date(atMs).toISOString());

function campaignCells({ id, advertiserId, name, status, budget, flight }: Campaign): readonly string[] {
  const times = [instant(flight.startMs), instant(flight.endMs)];
  return [
    String(id),
    String(advertiserId),
    name,
    status,
    units(budget.dailyMicros),
    units(budget.lifetimeMicros),
    ...times,
  ];
}

function lineItemCells(lineItem: LineItem | null): readonly string[] {
  if (lineItem === null) return lineItemColumns.map(() => '');
  const { goal, budget, pacing, targeting } = lineItem;
  const terms = Object.keys(termColumnOf).map((name) =>
    (targeting.terms[name as 'country' | 'deviceType' | 'domain']?.include ?? []).join(' '),
  );
  const target = goal.type === 'cpm' ? '' : units(goal.targetMicros);
  const budgets = [units(budget.dailyMicros), units(budget.lifetimeMicros)];
  return [lineItem.name, goal.type, target, units(highestCpmMicros(goal)), pacing, ...budgets, ...terms];
}

/** The most a bid of a goal may be, as a CPM in micros. */
export function highestCpmMicros(goal: Goal): number {
  return goal.type === 'cpm' ? goal.bidCpmMicros : goal.maxCpmMicros;
}
