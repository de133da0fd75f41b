import { nanosToDecimal } from '../../core/money.ts';
import { clock, ms } from '../cli/progress.ts';
import { notBelievedText } from '../cli/summarytext.ts';
import { formatGateValue } from '../gate/gate.ts';
import type { LoadtestResult, SeriesPoint } from '../run/result.ts';
import { errorsOf } from '../send/counters.ts';
import { escapeHtml, lineChart } from './chart.ts';

/** The report as one HTML file without scripts or outside resources: it can be mailed, archived, attached to a ticket. */
export function htmlReport(result: LoadtestResult): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Load test ${escapeHtml(result.startedAt)}</title><style>${STYLE}</style></head><body>
<header><h1>Load test <b class="${result.passed ? 'ok' : 'bad'}">${verdictOf(result)}</b></h1>
<p>${escapeHtml(result.options.url)} · ${escapeHtml(result.startedAt)} · ${clock(result.measuredMs)} measured${result.options.warmupMs > 0 ? ` after ${(result.options.warmupMs / 1000).toFixed(1)} s of warm-up` : ''}${result.interrupted ? ' · interrupted' : ''}</p></header>
${notes(result)}
${tiles(result)}
${gateTable(result)}
${latencyCharts(result)}
${throughputCharts(result)}
${countTables(result)}
${auditSection(result)}
${senderSection(result)}
${setting(result)}
</body></html>
`;
}

function verdictOf(result: LoadtestResult): string {
  if (result.gates.length === 0 && result.audit === null && result.passed) return 'done';
  return result.passed ? 'passed' : 'failed';
}

function notes({ problems, sender, loop }: LoadtestResult): string {
  const closed =
    loop === 'closed'
      ? [
          'Closed loop: each user waits for the answer, so the load falls when the server is slow. Latencies count from the send and are lower than an exchange would see.',
        ]
      : [];
  const all = [...problems, ...closed, ...sender.warnings];
  return all.map((text) => `<p class="note">${escapeHtml(text)}</p>`).join('\n');
}

function tiles(result: LoadtestResult): string {
  const { latency, counters, market } = result;
  const done = counters.answered + Object.values(counters.faults).reduce((sum, n) => sum + n, 0);
  const tile = (name: string, value: string, more: string): string =>
    `<div><small>${name}</small><b>${value}</b><small>${more}</small></div>`;
  return `<section class="tiles">
${tile('p50', ms(latency.p50Ms), `mean ${ms(latency.meanMs)}`)}
${tile('p99', ms(latency.p99Ms), `p90 ${ms(latency.p90Ms)}`)}
${tile('p99.9', ms(latency.p999Ms), `max ${ms(latency.maxMs)}`)}
${tile('answers', `${((counters.answered / result.measuredMs) * 1000).toFixed(0)}/s`, `${counters.planned.toLocaleString('en')} planned`)}
${tile('errors', percent(errorsOf(counters), done), `${counters.dropped.toLocaleString('en')} dropped`)}
${tile('bid rate', percent(counters.bids, counters.answered), `win rate ${percent(market.wins, market.bids)}`)}
</section>`;
}

function gateTable({ gates }: LoadtestResult): string {
  if (gates.length === 0) return '';
  const rows = gates.map(
    ({ gate, value, passed }) =>
      `<tr><td class="${passed ? 'ok' : 'bad'}">${passed ? '✓ passed' : '✗ failed'}</td><td>${escapeHtml(gate.text)}</td><td>${escapeHtml(formatGateValue(gate, value))}</td></tr>`,
  );
  return `<h2>Gates</h2><table><tr><th></th><th>gate</th><th>measured</th></tr>${rows.join('')}</table>`;
}

function latencyCharts(result: LoadtestResult): string {
  const gate = result.gates.find(({ gate }) => gate.metric === 'p99');
  const limit = gate === undefined ? {} : { limit: { y: gate.gate.limit, label: gate.gate.text } };
  const from = result.loop === 'open' ? 'from the intended start' : 'from the send (closed loop)';
  const answered = (read: (point: SeriesPoint) => number) =>
    result.series.map((point) => [point.atMs, point.p50Ms > 0 ? read(point) : null] as const);
  const overTime = lineChart(
    { title: `Latency over time, ${from}`, yUnit: 'ms, logarithmic', xTicks: timeTicks(result), logY: true, ...limit },
    [
      { name: 'p50', color: 'c1', points: answered((point) => point.p50Ms) },
      { name: 'p99', color: 'c2', points: answered((point) => point.p99Ms) },
      { name: 'p99.9', color: 'c3', points: answered((point) => point.p999Ms) },
      { name: 'max', color: 'c4', points: answered((point) => point.maxMs) },
    ],
  );
  // The HDR scale: every step to the right leaves out half of what is slower.
  const x = (percentile: number): number => Math.log10(100 / Math.max(1e-6, 100 - percentile));
  const inner = result.spectrum.filter(([percentile]) => percentile < 100);
  const last = inner.at(-1)?.[0] ?? 0;
  const ticks = [0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999].filter((percentile) => x(percentile) <= x(last));
  const spectrum = lineChart(
    {
      title: 'Latency by percentile',
      yUnit: 'ms',
      xTicks: ticks.map((percentile) => [x(percentile), `${percentile} %`] as const),
      ...limit,
    },
    [{ name: 'latency', color: 'c2', points: inner.map(([percentile, value]) => [x(percentile), value] as const) }],
  );
  return `<h2>Latency</h2>${overTime}${spectrum}`;
}

function throughputCharts(result: LoadtestResult): string {
  const { series } = result;
  const at = (read: (point: SeriesPoint) => number) => series.map((point) => [point.atMs, read(point)] as const);
  const rates = lineChart({ title: 'Throughput', yUnit: 'requests/s', xTicks: timeTicks(result) }, [
    { name: 'planned', color: 'c5', points: result.loop === 'open' ? at((point) => point.plannedRps) : [] },
    { name: 'sent', color: 'c1', points: at((point) => point.sentRps) },
    { name: 'answered', color: 'c2', points: at((point) => point.answeredRps) },
  ]);
  const trouble = series.some((point) => point.errors + point.dropped > 0)
    ? lineChart({ title: 'Errors and dropped requests', yUnit: 'per step', xTicks: timeTicks(result) }, [
        { name: 'errors', color: 'c4', filled: true, points: at((point) => point.errors) },
        { name: 'time-outs among them', color: 'c3', points: at((point) => point.timeouts) },
        { name: 'dropped', color: 'c5', points: at((point) => point.dropped) },
      ])
    : '';
  return `<h2>Throughput</h2>${rates}${trouble}`;
}

function countTables({ counters, market, notices, clearedNanos }: LoadtestResult): string {
  const { planned, sent, answered, dropped, late, overTmax, bids, noBids } = counters;
  return `<h2>Counts</h2><div class="columns">
${table('Requests', { planned, sent, answered, dropped, 'started late': late, 'answered after tmax': overTmax, bids, 'no-bids': noBids })}
${table('Errors', { ...counters.faults, ...counters.invalid })}
${table('What was said first', counters.firstSaid)}
${table('No-bid reasons', counters.noBidReasons)}
${table('Market', { ...inWords({ ...market }), cleared: nanosToDecimal(BigInt(clearedNanos)) })}
${table('Notices', inWords({ ...notices }))}
</div>`;
}

function auditSection({ audit, truth }: LoadtestResult): string {
  const rows = truth.map(
    (row) =>
      `<tr><td>${escapeHtml(row.campaign)}</td><td>${row.bids}</td>${(
        ['win', 'bill', 'impression', 'click', 'conversion', 'complete'] as const
      )
        .map((kind) => `<td>${row.counts[kind].acknowledged}</td>`)
        .join('')}<td>${nanosToDecimal(BigInt(row.spendNanos))}</td></tr>`,
  );
  const ledger = `<h2>Ledger of truth</h2><table><tr><th>campaign</th><th>bids</th><th>wins</th><th>bills</th><th>impressions</th><th>clicks</th><th>conversions</th><th>videos completed</th><th>spend</th></tr>${rows.join('')}</table>`;
  if (audit === null) return ledger;
  const differences = audit.differences.map(
    (d) =>
      `<tr><td>${escapeHtml(d.campaign)}</td><td>${d.metric}</td><td>${d.ledger}</td><td>${d.report}</td><td>${d.uncertain}</td></tr>`,
  );
  const found =
    differences.length === 0
      ? ''
      : `<table><tr><th>campaign</th><th>metric</th><th>ledger</th><th>report</th><th>uncertain</th></tr>${differences.join('')}</table>`;
  const doubted = audit.notBelieved.map((each) => `<p>${escapeHtml(notBelievedText(each))}</p>`).join('');
  const text = audit.passed
    ? `The report of the server equals the ledger of truth: ${audit.compared} sums of ${audit.campaigns} campaigns, ${(audit.waitedMs / 1000).toFixed(1)} s after the last notice.`
    : audit.problem || `${audit.differences.length} sums differ.`;
  return `${ledger}<h2>Audit <b class="${audit.passed ? 'ok' : 'bad'}">${audit.passed ? 'equal' : 'failed'}</b></h2><p>${escapeHtml(text)}</p>${found}${doubted}`;
}

function senderSection({ sender }: LoadtestResult): string {
  return `<h2>This sender</h2><p>How well the load test kept its own times: latencies contain this.</p><div class="columns">${table(
    'Sender',
    {
      'lateness p50': ms(sender.lateness.p50Ms),
      'lateness p99': ms(sender.lateness.p99Ms),
      'lateness max': ms(sender.lateness.maxMs),
      'busiest thread': `${(sender.maxBusy * 100).toFixed(0)} %`,
      'CPU, cores': sender.cpuCores.toFixed(2),
      'ready, without a core': sender.waitedShare === null ? 'not told here' : percent(sender.waitedShare, 1),
      memory: `${(sender.rssBytes / 1_048_576).toFixed(0)} MiB`,
    },
  )}</div>`;
}

function setting({ environment, options, histogram }: LoadtestResult): string {
  const { memoryBytes, ...rest } = environment;
  const memory = `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`;
  return `<h2>Environment and configuration</h2><div class="columns">${table('Environment', { ...inWords(rest), memory })}</div>
<details><summary>Configuration</summary><pre>${escapeHtml(JSON.stringify(options, null, 2))}</pre></details>
<details><summary>Histogram (HdrHistogram, µs, compressed base64)</summary><pre>${histogram}</pre></details>`;
}

function table(title: string, values: Readonly<Record<string, string | number>>): string {
  const entries = Object.entries(values);
  if (entries.length === 0)
    return `<table><tr><th colspan="2">${title}</th></tr><tr><td colspan="2">none</td></tr></table>`;
  const rows = entries.map(([name, value]) => {
    const shown = typeof value === 'number' ? value.toLocaleString('en') : value;
    return `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(shown)}</td></tr>`;
  });
  return `<table><tr><th colspan="2">${title}</th></tr>${rows.join('')}</table>`;
}

function timeTicks({ series }: LoadtestResult): (readonly [number, string])[] {
  const begin = series[0]?.atMs ?? 0;
  const span = (series.at(-1)?.atMs ?? 0) - begin;
  return [0, 0.25, 0.5, 0.75, 1].map((share) => [begin + span * share, clock(begin + span * share)] as const);
}

/** Counters under names for people: `givenUp` is "given up". */
function inWords<T>(values: Readonly<Record<string, T>>): Record<string, T> {
  const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [words(name), value]));
}

const percent = (part: number, whole: number): string =>
  whole === 0 ? '–' : `${Number(((part / whole) * 100).toPrecision(3))} %`;

const STYLE = `
:root{color-scheme:light dark;--fg:#1c2330;--mut:#5b6576;--bg:#fff;--card:#f5f7fa;--line:#dfe4ec;--ok:#12734a;--bad:#b3261e;--c1:#2563c9;--c2:#c2560c;--c3:#7d3fc0;--c4:#b3261e;--c5:#7b8494}
@media(prefers-color-scheme:dark){:root{--fg:#e8ecf3;--mut:#9aa5b8;--bg:#12161d;--card:#1b212b;--line:#303948;--ok:#4cc38a;--bad:#ff8a80;--c1:#74a9ff;--c2:#ffa657;--c3:#c8a2ff;--c4:#ff8a80;--c5:#8b95a7}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:960px;margin:0 auto;padding:24px}
h1{font-size:24px;margin:0}h2{font-size:18px;margin:32px 0 8px}header p,small{color:var(--mut)}
.ok{color:var(--ok)}.bad{color:var(--bad)}.note{border-left:4px solid var(--c2);background:var(--card);padding:8px 12px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:12px;margin:16px 0}.tiles div{background:var(--card);border-radius:8px;padding:12px}.tiles b{display:block;font-size:22px}
table{border-collapse:collapse;margin:0 0 12px;font-variant-numeric:tabular-nums}td,th{text-align:left;padding:3px 14px 3px 0;border-bottom:1px solid var(--line);vertical-align:top}
.columns{display:flex;flex-wrap:wrap;gap:28px;align-items:flex-start}figure{margin:0 0 20px}figcaption{font-weight:600}.legend{float:right;font-weight:400}.legend span{margin-left:14px}.legend i{display:inline-block;width:12px;height:3px;margin:0 5px 3px 0}
svg{width:100%;height:auto}svg text{font-size:12px;fill:var(--mut)}.grid{stroke:var(--line)}.line{fill:none;stroke-width:1.8}.area{opacity:.18;stroke:none}
.limit{stroke:var(--ok);stroke-dasharray:5 4}text.limit{stroke:none;fill:var(--ok)}
path.c1{stroke:var(--c1)}path.c2{stroke:var(--c2)}path.c3{stroke:var(--c3)}path.c4{stroke:var(--c4)}path.c5{stroke:var(--c5);stroke-dasharray:4 3}
.area.c4{fill:var(--c4)}i.c1{background:var(--c1)}i.c2{background:var(--c2)}i.c3{background:var(--c3)}i.c4{background:var(--c4)}i.c5{background:var(--c5)}
pre{white-space:pre-wrap;word-break:break-all;background:var(--card);padding:12px;border-radius:8px;font-size:12px}`;
