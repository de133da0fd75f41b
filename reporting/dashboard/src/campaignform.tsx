import { useState } from 'preact/hooks';
import { BudgetFields, type BudgetText, budgetBody, budgetText } from './budgetfields.tsx';
import { send } from './client.ts';
import type { Campaign } from './data.ts';
import { EditorForm } from './editorform.tsx';
import { TextField } from './fields.tsx';
import { type Submission, useSubmit } from './formstate.tsx';

export interface CampaignText extends BudgetText {
  readonly name: string;
}

export function campaignText(campaign: Campaign | null, timeZone: string): CampaignText {
  return { name: campaign?.name ?? '', ...budgetText(campaign, timeZone) };
}

export function campaignBody(text: CampaignText, before: Campaign | null, timeZone: string) {
  return { name: text.name, ...budgetBody(text, before, timeZone) };
}

const hints = {
  daily: 'Never more than this on one day.',
  lifetime: 'Empty: no limit but the daily one.',
  start: 'Empty: at once. Times are those of your advertiser’s zone.',
  end: 'Empty: runs until you stop it.',
};

interface CampaignFieldsProps {
  readonly value: CampaignText;
  readonly currency: string;
  readonly timeZone: string;
  readonly form: Submission;
  readonly onChange: (value: CampaignText) => void;
}

export function CampaignFields({ value, form, onChange, ...zoneAndCurrency }: CampaignFieldsProps) {
  return (
    <>
      <TextField
        id="ca-name"
        label="Campaign name"
        hint="As it will stand in lists and reports."
        required
        maxLength={200}
        fault={form.problem?.field === 'name' ? form.problem.message : undefined}
        value={value.name}
        onInput={(name) => onChange({ ...value, name })}
      />
      <BudgetFields
        prefix="ca"
        {...zoneAndCurrency}
        value={value}
        form={form}
        hints={hints}
        onChange={(budget) => onChange({ ...value, ...budget })}
      />
    </>
  );
}

interface CampaignFormProps {
  readonly campaign: Campaign;
  readonly currency: string;
  readonly timeZone: string;
  readonly onDone: () => void;
}

/** Changes a campaign's name, budget and flight. */
export function CampaignForm({ campaign, currency, timeZone, onDone }: CampaignFormProps) {
  const [text, setText] = useState(campaignText(campaign, timeZone));
  const form = useSubmit(async () => {
    const body = campaignBody(text, campaign, timeZone);
    await send('PATCH', `/campaigns/${campaign.id}`, { body, etag: `"v${campaign.version}"` });
    onDone();
  });
  return (
    <EditorForm label="Edit campaign" form={form} save="Save" place="card" onCancel={onDone}>
      <div class="columns">
        <CampaignFields value={text} currency={currency} timeZone={timeZone} form={form} onChange={setText} />
      </div>
    </EditorForm>
  );
}
