import { useEffect, useState } from 'preact/hooks';
import { type ApiProblem, send } from './client.ts';
import type { Targeting } from './data.ts';
import { count, plural, share } from './format.ts';
import { targetingTable } from './targetingtable.ts';
import { type TargetingText, targetingRules } from './targetingtext.ts';

interface Estimate {
  readonly requestsPerDay: number;
  readonly share: number;
  readonly people: number;
  readonly hours: number;
  readonly matched: number;
  readonly ignored: readonly string[];
}

const SETTLE_MS = 400;
/** Matching requests in the draw from which the numbers can be trusted to a fifth or so. */
const ENOUGH = 50;

interface TrafficEstimateProps {
  readonly targeting: TargetingText;
  readonly dayparting: Targeting['dayparting'];
}

/** What a targeting would meet, while it is being typed. */
export function TrafficEstimate({ targeting, dayparting }: TrafficEstimateProps) {
  const [state, setState] = useState<{ estimate: Estimate | null; problem: ApiProblem | null }>({
    estimate: null,
    problem: null,
  });
  const asked = question(targeting, dayparting);
  useEffect(() => {
    if (asked === null) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      send<Estimate>('POST', '/traffic/estimate', { body: JSON.parse(asked), signal: abort.signal }).then(
        (estimate) => setState({ estimate, problem: null }),
        (problem: ApiProblem) => {
          if (!abort.signal.aborted) setState({ estimate: null, problem });
        },
      );
    }, SETTLE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [asked]);
  return (
    <div class="estimate" role="status" aria-label="What this targeting would meet">
      {textOf(state.estimate, state.problem)}
    </div>
  );
}

/** As the API is asked; null while something typed can not be asked. */
function question(targeting: TargetingText, dayparting: Targeting['dayparting']): string | null {
  try {
    return JSON.stringify({ targeting: { ...targetingRules(targeting), dayparting } });
  } catch {
    return null;
  }
}

function textOf(estimate: Estimate | null, problem: ApiProblem | null) {
  if (problem !== null) return <small>No estimate: {problem.message}</small>;
  if (estimate === null) return <small>Estimating …</small>;
  if (estimate.hours === 0) return <small>An estimate appears once bidders have seen traffic.</small>;
  const { requestsPerDay, people, hours, matched, ignored } = estimate;
  const minutes = Math.max(1, Math.round(hours * 60));
  const span = hours < 1 ? plural(minutes, 'minute') : plural(Math.round(hours), 'hour');
  // “the last one hour” nobody says.
  const last = span.replace(/^one /, '');
  const unseen = ignored.map((name) => (targetingTable[name]?.label ?? 'around places').toLowerCase());
  return (
    <>
      <span>
        <strong data-field="estimate">{count(requestsPerDay)}</strong> matching requests a day ({share(estimate.share)}{' '}
        of all)
      </span>
      <span>
        <strong>{count(people)}</strong> people in {span}
      </span>
      <small>
        From the traffic of the last {last}
        {matched < ENOUGH && ', rough: few such requests were seen'}
        {unseen.length > 0 && `; not looked at: ${unseen.join(', ')}`}.
      </small>
    </>
  );
}
