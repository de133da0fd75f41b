import { useState } from 'preact/hooks';
import { useData } from './data.ts';
import { count, share } from './format.ts';
import { Card, Fault, Loading } from './parts.tsx';

interface Funnel {
  readonly matched: number;
  readonly stages: readonly {
    readonly stage: string;
    readonly lost: number;
    readonly reasons: readonly { readonly reason: string; readonly says: string; readonly count: number }[];
  }[];
  readonly bids: number;
  readonly wins: number;
  readonly impressions: number;
  readonly sentence: string;
}

const stageNames: Readonly<Record<string, string>> = {
  request: 'Could not take part',
  targeting: 'Outside targeting or hours',
  privacy: 'Privacy',
  caps: 'Frequency caps',
  blocks: 'Blocked by publisher',
  floor: 'Below the floor price',
  pacing: 'Held back by pacing',
  budget: 'No credit left',
  creative: 'No fitting creative',
  auction: 'Another of our ads was worth more',
};

/** From traffic to impressions, and the one sentence that says why it is as it is. */
export function FunnelCard({ campaignId }: { campaignId: number }) {
  const [hours, setHours] = useState(1);
  const funnel = useData<Funnel>(`/campaigns/${campaignId}/funnel?hours=${hours}`, 5000);
  const side = (
    <label class="inline">
      <span class="sr">Time span</span>
      <select value={hours} onChange={(event) => setHours(Number(event.currentTarget.value))}>
        <option value={1}>last hour</option>
        <option value={24}>last 24 hours</option>
        <option value={168}>last 7 days</option>
      </select>
    </label>
  );
  return (
    <Card title="Why it delivers as it does" side={side}>
      {funnel.problem !== null && <Fault problem={funnel.problem} onRetry={funnel.reload} />}
      {funnel.data === null ? <Loading label="Loading the funnel" /> : <Steps funnel={funnel.data} />}
    </Card>
  );
}

function Steps({ funnel }: { funnel: Funnel }) {
  const traffic = funnel.bids + funnel.stages.reduce((sum, stage) => sum + stage.lost, 0);
  const top = Math.max(traffic, funnel.matched, 1);
  return (
    <>
      <p class="sentence" data-field="sentence">
        {funnel.sentence}
      </p>
      <ol class="funnel">
        <Step label="Traffic looked at" value={Math.max(traffic, funnel.matched)} top={top} kind="kept" />
        {funnel.stages.map((stage) => (
          <Step
            key={stage.stage}
            label={stageNames[stage.stage] ?? stage.stage}
            value={stage.lost}
            top={top}
            kind="lost"
            note={stage.reasons.map((reason) => `${reason.says} ${count(reason.count)}`).join(' · ')}
          />
        ))}
        <Step label="Bids" value={funnel.bids} top={top} kind="kept" />
        <Step label="Wins" value={funnel.wins} top={top} kind="kept" />
        <Step label="Impressions" value={funnel.impressions} top={top} kind="kept" />
      </ol>
    </>
  );
}

interface StepProps {
  readonly label: string;
  readonly value: number;
  readonly top: number;
  readonly kind: 'kept' | 'lost';
  readonly note?: string;
}

function Step({ label, value, top, kind, note }: StepProps) {
  return (
    <li class={kind} title={note}>
      <span>{label}</span>
      <div class="track">
        <i style={{ width: `${Math.min(100, (100 * value) / top)}%` }} />
      </div>
      <b>
        {kind === 'lost' ? '−' : ''}
        {count(value)}
      </b>
      <small>{share(value / top)}</small>
    </li>
  );
}
