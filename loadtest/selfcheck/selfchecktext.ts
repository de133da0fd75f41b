import type { LatencySummary } from '../run/result.ts';
import type { SelfCheckResult, SelfCheckRound } from './selfcheck.ts';

export const SELF_CHECK_HEAD = `What this sender adds to the latencies it reports, against an echo that says when it answered.
start: from the intended start until the system had the request. answer: from the echo's time stamp until the sender took
the time. added: both. alone: added to those requests during which no other program had the sender's core or the echo's,
and how many those are. machine: the same of a program that keeps the same times on the same core just before, and sends
nothing. own: what alone has beyond machine, and what is judged. reported: what a load test says. without: reported without
added. The first line only shows what a request costs.

rate                  --pace   CPU   no core  p99, ms: start  answer   added     alone        of  machine      own  reported  without
`;

/** One line per round, below `SELF_CHECK_HEAD`. */
export function roundText(round: SelfCheckRound): string {
  const p99 = ({ p99Ms }: LatencySummary): string => p99Ms.toFixed(3);
  const waited = round.waitedShare === null ? '–' : `${(round.waitedShare * 100).toFixed(1)} %`;
  const rate = `${Math.round(round.answeredPerSecond)} of ${round.offeredPerSecond}/s`;
  const cores = round.cores.toFixed(2);
  return [
    rate.padEnd(20),
    round.pace.padStart(8),
    cores.padStart(6),
    waited.padStart(10),
    p99(round.startLate).padStart(16),
    p99(round.answerLate).padStart(8),
    p99(round.added).padStart(8),
    p99(round.undisturbed).padStart(10),
    `${((round.undisturbed.count / round.added.count) * 100).toFixed(1)} %`.padStart(10),
    (round.controlP99Ms?.toFixed(3) ?? '–').padStart(9),
    (round.ownP99Ms?.toFixed(3) ?? '–').padStart(9),
    p99(round.reported).padStart(10),
    `${p99(round.without).padStart(9)}\n`,
  ].join('');
}

export function selfCheckText({ bars, pinned, preferred, passed }: SelfCheckResult): string {
  const lines = bars.map(
    ({ name, limit, most, value, ok }) =>
      `  ${ok ? 'ok    ' : 'MISSED'} ${name}: ${Number(value.toPrecision(4))} (${most ? 'at most' : 'at least'} ${limit})`,
  );
  const where = pinned
    ? `Sender and echo had a core each${preferred ? ', and were preferred to other programs (nice -20)' : ''}.`
    : 'Processes can not be pinned here: they shared all cores.';
  return `\n${lines.join('\n')}\n\n${where}\n${passed ? 'PASSED' : 'FAILED'}\n`;
}
