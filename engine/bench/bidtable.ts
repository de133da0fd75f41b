import type { BidBenchResult } from './bid.ts';
import type { Spread } from './rounds.ts';

/** The result as a page of text: Markdown that is also readable in a terminal. */
export function bidTable(result: BidBenchResult): string {
  const { machine } = result;
  const where = result.processor === null ? 'processes not pinned' : 'server and client share one processor';
  return [
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, commit ${machine.commit}, load before ${machine.loadBefore}; ` +
      `${result.rounds} interleaved rounds of ${result.sliceMs} ms, ${where}.`,
    '',
    ...table(
      [
        'server',
        'CPU µs/request',
        '× µWS',
        '× µWS + parse',
        'requests/s',
        'bids',
        'heap B/request',
        'bid threads',
        'GC ms',
        'RSS MB',
      ],
      result.rows.map((row) => [
        row.name,
        range(row.cpuUs, 1),
        range(row.versusUws, 2),
        range(row.versusParse, 2),
        Math.round(row.requestsPerSecond.median).toString(),
        `${Math.round(row.bidShare * 100)} %`,
        bytes(row.allocatedBytes),
        bytes(row.workerBytes),
        `${row.longestMinorMs.toFixed(1)} / ${row.longestMajorMs.toFixed(1)}`,
        Math.round(row.rssBytes / 1e6).toString(),
      ]),
    ),
    '',
    ...(result.stages.length === 0 ? [] : stageLines(result)),
    ...result.bars.map(
      (bar) =>
        `${bar.ok ? 'held  ' : bar.required ? 'MISSED' : 'missed'} ${bar.name}: ${round(bar.value)} ${bar.unit} ` +
        `(${bar.required ? 'must' : 'goal'} ≤ ${bar.limit})`,
    ),
  ].join('\n');
}

function stageLines(result: BidBenchResult): string[] {
  return [
    ...table(
      ['stage', 'µs'],
      result.stages.map((stage) => [stage.stage, stage.us.toFixed(2)]),
    ),
    '',
  ];
}

/** A Markdown table whose columns are padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)];
}

function bytes(value: number): string {
  return Number.isNaN(value) ? '–' : Math.round(value).toString();
}

function range(of: Spread, digits: number): string {
  return `${of.median.toFixed(digits)} (${of.low.toFixed(digits)}–${of.high.toFixed(digits)})`;
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}
