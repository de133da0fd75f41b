import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import { CodedError, messageOf } from '../core/errors.ts';
import type { CampaignTruth, NoticeKind, Truth } from './market/ledger.ts';

/** Where and for what the server's own report is asked. */
export interface AuditOptions {
  readonly apiUrl: string;
  readonly apiKey: string;
  /** When the run began and ended by this machine's clock. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Site domains and app bundles of this run; empty compares everything in the time span, whoever caused it. */
  readonly domains: readonly string[];
  /** How long the server may take to show everything, ms. */
  readonly drainMs: number;
}

/** A sum that is not what the ledger says. */
export interface AuditDifference {
  readonly campaign: string;
  readonly metric: string;
  readonly ledger: string;
  readonly report: string;
  /** How much may differ because it was sent and never acknowledged. */
  readonly uncertain: string;
}

export interface AuditResult {
  readonly passed: boolean;
  readonly campaigns: number;
  /** Sums compared. */
  readonly compared: number;
  readonly differences: readonly AuditDifference[];
  /** Sum of the differences of counts, beyond what is uncertain. */
  readonly lostEvents: number;
  /** Where something differs: what the server says that it received and did not believe, by its own names. */
  readonly notBelieved: readonly { readonly type: string; readonly reason: string; readonly count: number }[];
  /** How long it took until the report was complete, ms. */
  readonly waitedMs: number;
  /** Why the report could not be read; '' when it was. */
  readonly problem: string;
}

interface Sums {
  readonly counts: Record<string, number>;
  spendNanos: bigint;
}
/** Campaign id → what the server reports. */
type Reported = Map<string, Sums>;

const counted: readonly (readonly [metric: string, kind: NoticeKind])[] = [
  ['impressions', 'impression'],
  ['clicks', 'click'],
  ['wins', 'win'],
  ['bills', 'bill'],
  ['conversions', 'conversion'],
  ['videoStarts', 'start'],
  ['videoFirstQuartiles', 'firstQuartile'],
  ['videoMidpoints', 'midpoint'],
  ['videoThirdQuartiles', 'thirdQuartile'],
  ['videoCompletes', 'complete'],
];
const POLL_MS = 500;
const QUERY_MS = 20_000;

/**
 * Waits until the server's report equals the ledger, or the time is up; then says what differs. A server that does not answer
 * may be starting again: it is asked until the time is up. One that refuses (4xx) is not asked again.
 * @param signal ends the waiting: what was found last is the result
 */
export async function auditReport(
  options: AuditOptions,
  truth: Truth,
  clock: Clock,
  signal?: AbortSignal,
): Promise<AuditResult> {
  const startMs = clock.monotonicMs();
  let passedBefore = false;
  const explained = async (result: AuditResult): Promise<AuditResult> => {
    if (result.differences.length === 0) return result;
    return { ...result, notBelieved: await fetchNotBelieved(options).catch(() => []) };
  };
  for (;;) {
    let result: AuditResult;
    const waitedMs = clock.monotonicMs() - startMs;
    try {
      result = compareReport(await fetchReport(options), truth, waitedMs);
    } catch (error) {
      result = { ...emptyResult, waitedMs, problem: `The report could not be read: ${causeOf(error)}` };
      if (error instanceof CodedError) return result;
    }
    // Equal twice in a row: what is counted twice may come late.
    if ((result.passed && passedBefore) || waitedMs >= options.drainMs || signal?.aborted === true) {
      return explained(result);
    }
    passedBefore = result.passed;
    await sleep(POLL_MS, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  }
}

/** `fetch` says "fetch failed", and why only in its cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : `${messageOf(error)} (${messageOf(cause)})`;
}

const emptyResult: AuditResult = {
  passed: false,
  campaigns: 0,
  compared: 0,
  differences: [],
  lostEvents: 0,
  notBelieved: [],
  waitedMs: 0,
  problem: '',
};

/** The comparison itself: the report may exceed the ledger by what was sent and never acknowledged, and no more. */
function compareReport(reported: Reported, truth: Truth, waitedMs: number): AuditResult {
  const differences: AuditDifference[] = [];
  let lostEvents = 0;
  let compared = 0;
  const campaigns = new Set([...truth.keys(), ...reported.keys()]);
  for (const campaign of campaigns) {
    const mine = truth.get(campaign);
    const theirs = reported.get(campaign);
    for (const [metric, kind] of counted) {
      const sent = mine?.counts[kind] ?? { acknowledged: 0, uncertain: 0 };
      const found = theirs?.counts[metric] ?? 0;
      compared += 1;
      const off = Math.max(sent.acknowledged - found, found - sent.acknowledged - sent.uncertain, 0);
      if (off === 0) continue;
      lostEvents += off;
      differences.push(difference(campaign, metric, sent.acknowledged, found, sent.uncertain));
    }
    compared += 1;
    const { spendNanos = 0n, uncertainSpendNanos = 0n } = mine ?? ({} as Partial<CampaignTruth>);
    const found = theirs?.spendNanos ?? 0n;
    if (found >= spendNanos && found <= spendNanos + uncertainSpendNanos) continue;
    differences.push(difference(campaign, 'spendNanos', spendNanos, found, uncertainSpendNanos));
  }
  const events = [...truth.values()].some((mine) => counted.some(([, kind]) => mine.counts[kind].acknowledged > 0));
  const problem = events || differences.length > 0 ? '' : 'There was nothing to compare: no auction was won.';
  const passed = differences.length === 0 && problem === '';
  return { passed, campaigns: campaigns.size, compared, differences, lostEvents, notBelieved: [], waitedMs, problem };
}

type Amount = number | bigint;
function difference(campaign: string, metric: string, ledger: Amount, report: Amount, uncertain: Amount) {
  return { campaign, metric, ledger: String(ledger), report: String(report), uncertain: String(uncertain) };
}

/** What the report says of each campaign. */
async function fetchReport(options: AuditOptions): Promise<Reported> {
  const metrics = [...counted.map(([metric]) => metric), 'spendNanos'];
  const reported: Reported = new Map();
  for (const row of await fetchRows(options, ['campaign'], metrics)) {
    const counts = Object.fromEntries(counted.map(([metric]) => [metric, Number(row[metric] ?? 0)]));
    reported.set(String(row.campaign), { counts, spendNanos: BigInt((row.spendNanos as string | number) ?? 0) });
  }
  return reported;
}

async function fetchNotBelieved(options: AuditOptions): Promise<AuditResult['notBelieved']> {
  const rows = await fetchRows(options, ['type', 'reason'], ['invalid']);
  return rows
    .map((row) => ({ type: String(row.type), reason: String(row.reason), count: Number(row.invalid ?? 0) }))
    .filter(({ count }) => count > 0);
}

type Row = Readonly<Record<string, unknown>>;

/** Reads `GET /api/v1/reports`. This function is all that knows the server's report API. */
async function fetchRows(
  options: AuditOptions,
  dimensions: readonly string[],
  metrics: readonly string[],
): Promise<readonly Row[]> {
  const url = new URL('/api/v1/reports', options.apiUrl);
  url.searchParams.set('from', String(options.fromMs));
  url.searchParams.set('to', String(options.toMs));
  url.searchParams.set('granularity', 'none');
  url.searchParams.set('dimensions', dimensions.join(','));
  url.searchParams.set('metrics', metrics.join(','));
  url.searchParams.set('format', 'json');
  if (options.domains.length > 0) url.searchParams.set('filter', `domain:${options.domains.join(',')}`);
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${options.apiKey}`, accept: 'application/json' },
    signal: AbortSignal.timeout(QUERY_MS),
  });
  const body = await response.text();
  if (response.status >= 400 && response.status < 500 && response.status !== 429) {
    throw new CodedError(
      'loadtest_audit_refused',
      `The report API answered ${response.status}: ${body.slice(0, 300)}`,
      'Check --api-url and --api-key.',
    );
  }
  if (!response.ok) throw new Error(`the report API answered ${response.status}`);
  const report = JSON.parse(body) as { rows?: unknown; truncated?: unknown } | null;
  if (!Array.isArray(report?.rows) || report.truncated === true) {
    throw new CodedError('loadtest_audit_unreadable', 'The report has no complete list of rows.', 'Check --api-url.');
  }
  return report.rows as Row[];
}
