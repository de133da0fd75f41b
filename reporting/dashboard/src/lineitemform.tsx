import { useState } from 'preact/hooks';
import { BiddingFields, biddingBody, biddingText, daypartingOf } from './biddingfields.tsx';
import { BudgetFields, budgetBody, budgetText } from './budgetfields.tsx';
import { send } from './client.ts';
import type { Campaign, LineItem } from './data.ts';
import { EditorForm } from './editorform.tsx';
import { TrafficEstimate } from './estimate.tsx';
import { SelectField, TextField } from './fields.tsx';
import { useSubmit } from './formstate.tsx';
import { planNames } from './labels.ts';
import { TargetingFields } from './targetingfields.tsx';
import { targetingPatch, targetingText } from './targetingtext.ts';

interface LineItemFormProps {
  readonly campaign: Campaign;
  readonly lineItem: LineItem | null;
  readonly currency: string;
  readonly timeZone: string;
  readonly onDone: () => void;
}

const budgetHints = {
  daily: 'Empty: only the campaign’s budget counts.',
  lifetime: 'Empty: only the campaign’s budget counts.',
  start: 'Empty: with the campaign.',
  end: 'Empty: with the campaign.',
};

/** Creates or changes a line item. */
export function LineItemForm({ campaign, lineItem, currency, timeZone, onDone }: LineItemFormProps) {
  const [name, setName] = useState(lineItem?.name ?? '');
  const [bidding, setBidding] = useState(biddingText(lineItem));
  const [budget, setBudget] = useState(budgetText(lineItem, timeZone));
  const [pacing, setPacing] = useState(lineItem?.pacing ?? 'even');
  const [targeting, setTargeting] = useState(targetingText(lineItem?.targeting ?? null));
  const dayparting = daypartingOf(bidding);
  const form = useSubmit(async () => {
    const body = {
      name,
      pacing,
      ...biddingBody(bidding, lineItem),
      ...budgetBody(budget, lineItem, timeZone),
      targeting: { ...targetingPatch(targeting, lineItem?.targeting ?? null), dayparting },
    };
    if (lineItem === null) await send('POST', '/line-items', { body: { ...body, campaignId: campaign.id } });
    else await send('PATCH', `/line-items/${lineItem.id}`, { body, etag: `"v${lineItem.version}"` });
    onDone();
  });
  return (
    <EditorForm
      label={lineItem === null ? 'New line item' : `Edit ${lineItem.name}`}
      form={form}
      save="Save line item"
      onCancel={onDone}
    >
      <div class="columns">
        <TextField
          id="li-name"
          label="Name"
          hint="As it will stand in reports."
          required
          fault={form.problem?.field === 'name' ? form.problem.message : undefined}
          value={name}
          onInput={setName}
        />
        <SelectField
          id="li-pacing"
          label="Spend"
          hint="How the budget is spread over the day."
          value={pacing}
          onChange={setPacing}
          options={planNames}
        />
        <BudgetFields
          prefix="li"
          value={budget}
          currency={currency}
          timeZone={timeZone}
          form={form}
          hints={budgetHints}
          onChange={setBudget}
        />
        <BiddingFields value={bidding} currency={currency} form={form} onChange={setBidding} />
      </div>
      <TargetingFields advertiserId={campaign.advertiserId} value={targeting} form={form} onChange={setTargeting} />
      <TrafficEstimate targeting={targeting} dayparting={dayparting} />
    </EditorForm>
  );
}
