import { nanosToDecimal } from '../../core/money.ts';
import type { AuditResult } from '../audit.ts';
import { formatGateValue } from '../gate/gate.ts';
import type { LoadtestResult } from '../run/result.ts';
import { errorsOf, hasNoValidAnswer, sumOf } from '../send/counters.ts';
import { ms } from './progress.ts';

/** The result as text for a terminal. */
export function summaryText(result: LoadtestResult): string {
  const lines = [
    '',
    title(result),
    '',
    ...latencyLines(result),
    ...countLines(result),
    ...marketLines(result),
    ...senderLines(result),
    ...auditLines(result),
    ...gateLines(result),
    '',
    verdict(result),
  ];
  return `${lines.join('\n')}\n`;
}

const count = (n: number): string => n.toLocaleString('en');
const percent = (part: number, whole: number): string => (whole === 0 ? '–' : `${((part / whole) * 100).toFixed(2)} %`);
const row = (name: string, text: string): string => `  ${name.padEnd(14)}${text}`;

function title(result: LoadtestResult): string {
  const seconds = (result.measuredMs / 1000).toFixed(1);
  const stopped = result.interrupted ? ', interrupted' : '';
  const loop = result.loop === 'closed' ? ', CLOSED LOOP: waits with the server, hides what an exchange would see' : '';
  const { warmupMs } = result.options;
  const warmup = warmupMs > 0 ? ` measured after ${(warmupMs / 1000).toFixed(1)} s of warm-up` : '';
  return `${result.options.url}  ${seconds} s${warmup}${stopped}${loop}`;
}

function latencyLines({ latency, loop }: LoadtestResult): string[] {
  const from = loop === 'open' ? 'from the intended start' : 'from the send';
  if (latency.count === 0) return [row('latency', 'no samples')];
  const { p50Ms, p90Ms, p99Ms, p999Ms, p9999Ms, maxMs } = latency;
  const shown = { p50: p50Ms, p90: p90Ms, p99: p99Ms, 'p99.9': p999Ms, 'p99.99': p9999Ms, max: maxMs };
  const text = Object.entries(shown).map(([name, value]) => `${name} ${ms(value)}`);
  return [row('latency', `${text.join('   ')}   (${from})`)];
}

function countLines(result: LoadtestResult): string[] {
  const { counters } = result;
  const errors = errorsOf(counters);
  const rps = (counters.answered / result.measuredMs) * 1000;
  const done = counters.answered + sumOf(counters.faults);
  const lines = [
    row(
      'requests',
      `${count(counters.planned)} planned, ${count(counters.sent)} sent, ${count(counters.answered)} answered (${rps.toFixed(0)}/s)`,
    ),
    row(
      'answers',
      `${count(counters.bids)} bids (${percent(counters.bids, counters.answered)}), ${count(counters.noBids)} no-bids, ${count(counters.overTmax)} after tmax`,
    ),
    row('errors', `${count(errors)} (${percent(errors, done)})${named({ ...counters.faults, ...counters.invalid })}`),
  ];
  for (const [kind, said] of Object.entries(counters.firstSaid)) {
    if (said !== '') lines.push(row('', `${kind}: ${said}`));
  }
  if (counters.dropped > 0 || counters.late > 0) {
    lines.push(
      row('not on time', `${count(counters.dropped)} dropped, ${count(counters.late)} started more than 10 ms late`),
    );
  }
  if (result.staleConnections > 0) {
    lines.push(
      row(
        'connections',
        `${count(result.staleConnections)} requests sent again because the server had just closed an idle connection`,
      ),
    );
  }
  return lines;
}

function named(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, n]) => `${name} ${count(n)}`);
  return parts.length === 0 ? '' : `: ${parts.join(', ')}`;
}

function marketLines({ options, market, notices, clearedNanos }: LoadtestResult): string[] {
  if (options.market === null) return [];
  const { delivered, refused, givenUp, retries, shed } = notices;
  const rest = named({
    ...(refused > 0 ? { refused } : {}),
    ...(givenUp > 0 ? { 'never acknowledged': givenUp } : {}),
    ...(retries > 0 ? { retries } : {}),
    ...(shed > 0 ? { shed } : {}),
    ...(market.foreignUrls > 0 ? { 'foreign URLs not called (see --notice-host)': market.foreignUrls } : {}),
  });
  return [
    row(
      'market',
      `${count(market.wins)} wins of ${count(market.bids)} bids (${percent(market.wins, market.bids)}), cleared ${nanosToDecimal(BigInt(clearedNanos))}`,
    ),
    row('notices', `${count(delivered)} acknowledged${rest}`),
  ];
}

function senderLines({ sender }: LoadtestResult): string[] {
  const noCore =
    sender.waitedShare === null ? '' : `, without a core for ${percent(sender.waitedShare, 1)} of the time`;
  const text = `p99 ${ms(sender.lateness.p99Ms)} late, ${(sender.maxBusy * 100).toFixed(0)} % busy at most, ${sender.cpuCores.toFixed(2)} cores${noCore}`;
  return [row('this sender', text), ...sender.warnings.map((warning) => row('', `! ${warning}`))];
}

function auditLines({ audit }: LoadtestResult): string[] {
  if (audit === null) return [];
  if (audit.problem !== '') return [row('audit', `FAILED: ${audit.problem}`)];
  const after = `after ${(audit.waitedMs / 1000).toFixed(1)} s`;
  if (audit.passed) {
    return [
      row(
        'audit',
        `report and ledger of truth are equal ${after}: ${audit.compared} sums of ${audit.campaigns} campaigns, spend to the nano`,
      ),
    ];
  }
  const shown = audit.differences.slice(0, 10).map((d) => {
    const uncertain = d.uncertain === '0' ? '' : `, ${d.uncertain} uncertain`;
    return row('', `campaign ${d.campaign} ${d.metric}: ledger ${d.ledger}, report ${d.report}${uncertain}`);
  });
  const doubted = audit.notBelieved.map((each) => row('', notBelievedText(each)));
  return [row('audit', `FAILED: ${audit.differences.length} differences ${after}`), ...shown, ...doubted];
}

export function notBelievedText({ type, reason, count: n }: AuditResult['notBelieved'][number]): string {
  return `not believed by the server: ${count(n)} × ${type}, because ${reason}`;
}

function gateLines({ gates }: LoadtestResult): string[] {
  return gates.map(({ gate, value, passed }) =>
    row(passed ? 'gate ok' : 'gate FAILED', `${gate.text.padEnd(20)} ${formatGateValue(gate, value)}`),
  );
}

function verdict(result: LoadtestResult): string {
  if (result.problems.length > 0) return `The test itself failed: ${result.problems.join(' ')}`;
  if (hasNoValidAnswer(result.counters)) return `FAILED. No request got a valid answer. ${whyNone(result)}`;
  if (!result.passed) return 'FAILED';
  const done = result.gates.length > 0 || result.audit !== null ? 'PASSED' : 'Done. No gates were set.';
  const errors = errorsOf(result.counters);
  const judged = result.gates.some(({ gate }) => gate.metric === 'errors' || gate.metric === 'on_time');
  return errors > 0 && !judged ? `${done} ${count(errors)} requests failed, and no gate asks for errors.` : done;
}

/** What to do about the commonest reason. */
function whyNone({ counters, options }: LoadtestResult): string {
  const { host } = new URL(options.url);
  const [commonest = ''] =
    Object.entries({ ...counters.faults, ...counters.invalid }).toSorted((a, b) => b[1] - a[1])[0] ?? [];
  const known: Record<string, string> = {
    connect_refused: `Nothing listens at ${host}: is a bidder running there?`,
    tls_error: `${host} and this sender can not agree on TLS: check https or http in --url; --insecure accepts any certificate.`,
    timeout: `${host} did not answer in time: check --url and firewalls, or give it longer with --timeout.`,
    wrong_content_type: `${options.url} does not answer in JSON: is it a bid endpoint?`,
    not_json: `${options.url} does not answer in JSON: is it a bid endpoint?`,
  };
  return known[commonest] ?? `Is ${options.url} a bid endpoint?`;
}
