import { table } from './bidtable.ts';
import type { PressureResult, PressureRow } from './pressure.ts';

const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 1);
const percent = (share: number): string => `${(share * 100).toFixed(share > 0 && share < 0.01 ? 2 : 0)} %`;

/** The result as a page of text: Markdown that is also readable in a terminal. */
export function pressureTable({ machine, rows, sustainablePerSecond }: PressureResult): string {
  return [
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, commit ${machine.commit}, load before ${machine.loadBefore}; ` +
      `highest rate held: ${sustainablePerSecond}/s.`,
    '',
    ...table(
      [
        'server',
        'phase',
        'asked/s',
        'answered/s',
        'bids',
        'p50',
        'p99',
        'p99.9',
        'max',
        'bids p99',
        'sender late p99',
        'dropped',
        'errors',
        'RSS MB',
      ],
      rows.map(cells),
    ),
    '',
    'Milliseconds from when a request was due. A late sender counts against the server.',
  ].join('\n');
}

function cells(row: PressureRow): string[] {
  return [
    row.target,
    row.phase,
    row.ratePerSecond.toString(),
    Math.round(row.answeredPerSecond).toString(),
    percent(row.bidShare),
    ms(row.p50Ms),
    ms(row.p99Ms),
    ms(row.p999Ms),
    ms(row.maxMs),
    ms(row.bidP99Ms),
    ms(row.lateP99Ms),
    percent(row.droppedShare),
    row.errors.toString(),
    row.rssMegabytes === null ? '' : row.rssMegabytes.toString(),
  ];
}
