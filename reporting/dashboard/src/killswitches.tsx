import { useState } from 'preact/hooks';
import { type ApiProblem, send } from './client.ts';
import { type Page, useData } from './data.ts';
import { TextField } from './fields.tsx';
import { Card, Fault } from './parts.tsx';

interface Switch {
  readonly scope: string;
  readonly on: boolean;
  readonly reason: string;
}

/** Stops bidding at once, for everything or for one exchange, advertiser or campaign; and says what is stopped. */
export function KillSwitches() {
  const switches = useData<Page<Switch>>('/switches', 5000);
  const [scope, setScope] = useState('all');
  const [reason, setReason] = useState('');
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const turn = async (which: string, on: boolean, why: string): Promise<void> => {
    setProblem(null);
    try {
      await send('PUT', `/switches/${encodeURIComponent(which)}`, { body: { on, reason: why } });
      setReason('');
    } catch (error) {
      setProblem(error as ApiProblem);
    }
    switches.reload();
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    if (confirm(`Stop bidding for “${scope}” now?`)) void turn(scope, true, reason);
  };
  const stopped = switches.data?.items.filter((item) => item.on) ?? [];
  return (
    <Card title="Emergency stop">
      {stopped.length > 0 && (
        <ul class="alerts" aria-label="Stopped">
          {stopped.map((item) => (
            <li key={item.scope} class="critical">
              <span>
                <strong>{item.scope}</strong> is stopped: {item.reason}
              </span>
              <button
                type="button"
                onClick={() => turn(item.scope, false, 'resumed on the page')}
                aria-label={`Resume ${item.scope}`}
              >
                Resume
              </button>
            </li>
          ))}
        </ul>
      )}
      <form class="form" onSubmit={submit} aria-label="Stop bidding">
        <div class="columns narrow">
          <TextField
            id="ki-scope"
            label="Stop"
            hint="all, exchange:NAME, advertiser:ID or campaign:ID"
            required
            value={scope}
            onInput={setScope}
          />
          <TextField
            id="ki-reason"
            label="Why"
            hint="For whoever finds it on tomorrow."
            required
            minLength={3}
            value={reason}
            onInput={setReason}
          />
        </div>
        {problem !== null && <Fault problem={problem} />}
        <button type="submit" class="danger">
          Stop bidding
        </button>
      </form>
    </Card>
  );
}
