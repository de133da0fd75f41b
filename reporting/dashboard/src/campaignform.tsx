import { useState } from 'preact/hooks';
import { type ApiProblem, send } from './client.ts';
import type { Campaign } from './data.ts';
import { microsOf, unitsOf } from './moneyinput.ts';
import { Fault, Field } from './parts.tsx';

export interface CampaignText {
  name: string;
  daily: string;
  lifetime: string;
  start: string;
  end: string;
}

export function campaignText(campaign: Campaign | null): CampaignText {
  return {
    name: campaign?.name ?? '',
    daily: unitsOf(campaign?.budget.dailyMicros ?? null),
    lifetime: unitsOf(campaign?.budget.lifetimeMicros ?? null),
    start: localInput(campaign?.flight.startMs || null),
    end: localInput(campaign?.flight.endMs ?? null),
  };
}

export function campaignBody(text: CampaignText): Record<string, unknown> {
  return {
    name: text.name,
    budget: { dailyMicros: microsOf(text.daily), lifetimeMicros: microsOf(text.lifetime) },
    flight: {
      startMs: text.start === '' ? 0 : Date.parse(text.start),
      endMs: text.end === '' ? null : Date.parse(text.end),
    },
  };
}

/** An instant as the value of a datetime-local input, in the browser's zone. */
function localInput(atMs: number | null): string {
  if (atMs === null) return '';
  const offsetMs = new Date(atMs).getTimezoneOffset() * 60_000;
  return new Date(atMs - offsetMs).toISOString().slice(0, 16);
}

interface CampaignFieldsProps {
  readonly value: CampaignText;
  readonly currency: string;
  readonly problem: ApiProblem | null;
  readonly onChange: (value: CampaignText) => void;
}

export function CampaignFields({ value, currency, problem, onChange }: CampaignFieldsProps) {
  const faultOf = (field: string): string | undefined => (problem?.field === field ? problem.message : undefined);
  const set = (field: keyof CampaignText) => (event: { currentTarget: HTMLInputElement }) =>
    onChange({ ...value, [field]: event.currentTarget.value });
  return (
    <>
      <Field label="Campaign name" id="ca-name" fault={faultOf('name')}>
        <input id="ca-name" required maxLength={200} value={value.name} onInput={set('name')} />
      </Field>
      <Field
        label={`Daily budget (${currency})`}
        id="ca-daily"
        hint="Never more than this on one day."
        fault={faultOf('budget.dailyMicros')}
      >
        <input id="ca-daily" inputMode="decimal" value={value.daily} onInput={set('daily')} />
      </Field>
      <Field
        label={`Budget in all (${currency})`}
        id="ca-lifetime"
        hint="Empty: no limit but the daily one."
        fault={faultOf('budget.lifetimeMicros')}
      >
        <input id="ca-lifetime" inputMode="decimal" value={value.lifetime} onInput={set('lifetime')} />
      </Field>
      <Field
        label="Starts"
        id="ca-start"
        hint="Empty: at once. In your browser’s time zone."
        fault={faultOf('flight.startMs')}
      >
        <input id="ca-start" type="datetime-local" value={value.start} onInput={set('start')} />
      </Field>
      <Field label="Ends" id="ca-end" hint="Empty: runs until you stop it." fault={faultOf('flight.endMs')}>
        <input id="ca-end" type="datetime-local" value={value.end} onInput={set('end')} />
      </Field>
    </>
  );
}

/** Changes a campaign's name, budget and flight. */
export function CampaignForm({
  campaign,
  currency,
  onDone,
}: {
  campaign: Campaign;
  currency: string;
  onDone: () => void;
}) {
  const [text, setText] = useState(campaignText(campaign));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await send('PATCH', `/campaigns/${campaign.id}`, { body: campaignBody(text), etag: `"v${campaign.version}"` });
      onDone();
    } catch (error) {
      setProblem(error as ApiProblem);
      setBusy(false);
    }
  };
  return (
    <form class="card form" onSubmit={submit} aria-label="Edit campaign">
      <div class="columns">
        <CampaignFields value={text} currency={currency} problem={problem} onChange={setText} />
      </div>
      {problem !== null && <Fault problem={problem} />}
      <div class="actions">
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Saving …' : 'Save'}
        </button>
        <button type="button" onClick={onDone}>
          Cancel
        </button>
      </div>
    </form>
  );
}
