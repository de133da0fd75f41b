import { useEffect, useState } from 'preact/hooks';
import { type ApiProblem, send } from './client.ts';
import { count, plural, share } from './format.ts';

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

/** What a targeting would meet, while it is being typed. */
export function TrafficEstimate({ targeting }: { targeting: object }) {
  const [state, setState] = useState<{ estimate: Estimate | null; problem: ApiProblem | null }>({
    estimate: null,
    problem: null,
  });
  const asked = JSON.stringify({ targeting });
  useEffect(() => {
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

function textOf(estimate: Estimate | null, problem: ApiProblem | null) {
  if (problem !== null) return <small>No estimate: {problem.message}</small>;
  if (estimate === null) return <small>Estimating …</small>;
  if (estimate.hours === 0) return <small>An estimate appears once bidders have seen traffic.</small>;
  const { requestsPerDay, people, hours, matched, ignored } = estimate;
  const span = hours < 1 ? plural(Math.max(1, Math.round(hours * 60)), 'minute') : plural(Math.round(hours), 'hour');
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
        From the traffic of the last {span}
        {matched < ENOUGH && ', rough: few such requests were seen'}
        {ignored.length > 0 && `; not looked at: ${ignored.join(', ')}`}.
      </small>
    </>
  );
}
