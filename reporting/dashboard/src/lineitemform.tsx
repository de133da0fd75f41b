import { useState } from 'preact/hooks';
import { BiddingFields, biddingBody, biddingText, daypartingOf } from './biddingfields.tsx';
import { send } from './client.ts';
import type { LineItem } from './data.ts';
import { TrafficEstimate } from './estimate.tsx';
import { FormEnd, SelectField, TextField, useSubmit } from './formstate.tsx';
import { planNames } from './labels.ts';
import { microsOf, unitsOf } from './moneyinput.ts';
import { TargetingFields, type Terms, toTerms, toText } from './targetingfields.tsx';

interface LineItemFormProps {
  readonly campaignId: number;
  readonly lineItem: LineItem | null;
  readonly currency: string;
  readonly onDone: () => void;
}

/** Creates or changes a line item. */
export function LineItemForm({ campaignId, lineItem, currency, onDone }: LineItemFormProps) {
  const [name, setName] = useState(lineItem?.name ?? '');
  const [bidding, setBidding] = useState(biddingText(lineItem));
  const [daily, setDaily] = useState(unitsOf(lineItem?.budget.dailyMicros ?? null));
  const [pacing, setPacing] = useState(lineItem?.pacing ?? 'even');
  const [targeting, setTargeting] = useState(toText(lineItem?.targeting.terms ?? {}));
  const dayparting = daypartingOf(bidding, lineItem);
  const form = useSubmit(async () => {
    const terms = toTerms(targeting, lineItem?.targeting.terms);
    const body = {
      name,
      pacing,
      ...biddingBody(bidding, lineItem),
      budget: { dailyMicros: microsOf(daily) },
      targeting: { terms, dayparting },
    };
    if (lineItem === null) await send('POST', '/line-items', { body: { ...body, campaignId } });
    else await send('PATCH', `/line-items/${lineItem.id}`, { body, etag: `"v${lineItem.version}"` });
    onDone();
  });
  return (
    <form
      class="form inset"
      onSubmit={form.submit}
      aria-label={lineItem === null ? 'New line item' : `Edit ${lineItem.name}`}
    >
      <div class="columns">
        <TextField id="li-name" label="Name" required fault={form.faultOf('name')} value={name} onInput={setName} />
        <BiddingFields value={bidding} currency={currency} form={form} onChange={setBidding} />
        <TextField
          id="li-daily"
          label={`Daily budget (${currency})`}
          hint="Empty: only the campaign’s budget counts."
          money
          fault={form.faultOf('budget')}
          value={daily}
          onInput={setDaily}
        />
        <SelectField id="li-pacing" label="Spend" value={pacing} onChange={setPacing} options={planNames} />
        <TargetingFields value={targeting} onChange={setTargeting} />
      </div>
      <TrafficEstimate targeting={estimated(toTerms(targeting, lineItem?.targeting.terms), dayparting)} />
      <FormEnd form={form} save="Save line item" onCancel={onDone} />
    </form>
  );
}

/** A targeting as it would be saved: without the rules that the form takes away. */
function estimated(terms: Record<string, unknown>, dayparting: object | null): object {
  const kept = Object.entries(terms).filter(([, rule]) => rule !== null);
  return { terms: Object.fromEntries(kept) as Terms, dayparting };
}
