import { useState } from 'preact/hooks';
import { type ApiProblem, send } from './client.ts';
import type { Campaign } from './data.ts';
import { FormEnd, TextField, useSubmit } from './formstate.tsx';
import { microsOf, unitsOf } from './moneyinput.ts';

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
  const set = (field: keyof CampaignText) => (text: string) => onChange({ ...value, [field]: text });
  return (
    <>
      <TextField
        id="ca-name"
        label="Campaign name"
        required
        maxLength={200}
        fault={faultOf('name')}
        value={value.name}
        onInput={set('name')}
      />
      <TextField
        id="ca-daily"
        label={`Daily budget (${currency})`}
        hint="Never more than this on one day."
        money
        fault={faultOf('budget.dailyMicros')}
        value={value.daily}
        onInput={set('daily')}
      />
      <TextField
        id="ca-lifetime"
        label={`Budget in all (${currency})`}
        hint="Empty: no limit but the daily one."
        money
        fault={faultOf('budget.lifetimeMicros')}
        value={value.lifetime}
        onInput={set('lifetime')}
      />
      <TextField
        id="ca-start"
        label="Starts"
        hint="Empty: at once. In your browser’s time zone."
        type="datetime-local"
        fault={faultOf('flight.startMs')}
        value={value.start}
        onInput={set('start')}
      />
      <TextField
        id="ca-end"
        label="Ends"
        hint="Empty: runs until you stop it."
        type="datetime-local"
        fault={faultOf('flight.endMs')}
        value={value.end}
        onInput={set('end')}
      />
    </>
  );
}

interface CampaignFormProps {
  readonly campaign: Campaign;
  readonly currency: string;
  readonly onDone: () => void;
}

/** Changes a campaign's name, budget and flight. */
export function CampaignForm({ campaign, currency, onDone }: CampaignFormProps) {
  const [text, setText] = useState(campaignText(campaign));
  const form = useSubmit(async () => {
    await send('PATCH', `/campaigns/${campaign.id}`, { body: campaignBody(text), etag: `"v${campaign.version}"` });
    onDone();
  });
  return (
    <form class="card form" onSubmit={form.submit} aria-label="Edit campaign">
      <div class="columns">
        <CampaignFields value={text} currency={currency} problem={form.problem} onChange={setText} />
      </div>
      <FormEnd form={form} save="Save" onCancel={onDone} />
    </form>
  );
}
