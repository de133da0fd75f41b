import { useState } from 'preact/hooks';
import { type ApiProblem, send } from './client.ts';
import type { LineItem } from './data.ts';
import { microsOf, unitsOf } from './moneyinput.ts';
import { Fault, Field } from './parts.tsx';
import { TargetingFields, toTerms, toText } from './targetingfields.tsx';

interface LineItemFormProps {
  readonly campaignId: number;
  readonly lineItem: LineItem | null;
  readonly currency: string;
  readonly onDone: () => void;
}

/** Creates or changes a line item. */
export function LineItemForm({ campaignId, lineItem, currency, onDone }: LineItemFormProps) {
  const goal = lineItem?.goal;
  const [name, setName] = useState(lineItem?.name ?? '');
  const [bid, setBid] = useState(
    unitsOf(goal === undefined ? 2_000_000 : goal.type === 'cpm' ? goal.bidCpmMicros : goal.maxCpmMicros),
  );
  const [daily, setDaily] = useState(unitsOf(lineItem?.budget.dailyMicros ?? null));
  const [pacing, setPacing] = useState(lineItem?.pacing ?? 'even');
  const [targeting, setTargeting] = useState(toText(lineItem?.targeting.terms ?? {}));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const faultOf = (field: string): string | undefined =>
    problem?.field?.startsWith(field) ? problem.message : undefined;

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    const bidMicros = microsOf(bid);
    const newGoal =
      goal === undefined || goal.type === 'cpm'
        ? { type: 'cpm', bidCpmMicros: bidMicros }
        : { ...goal, maxCpmMicros: bidMicros };
    const body = {
      name,
      pacing,
      goal: newGoal,
      budget: { dailyMicros: microsOf(daily) },
      targeting: { terms: toTerms(targeting, lineItem?.targeting.terms) },
    };
    try {
      if (lineItem === null) await send('POST', '/line-items', { body: { ...body, campaignId } });
      else await send('PATCH', `/line-items/${lineItem.id}`, { body, etag: `"v${lineItem.version}"` });
      onDone();
    } catch (error) {
      setProblem(error as ApiProblem);
      setBusy(false);
    }
  };

  return (
    <form
      class="form inset"
      onSubmit={submit}
      aria-label={lineItem === null ? 'New line item' : `Edit ${lineItem.name}`}
    >
      <div class="columns">
        <Field label="Name" id="li-name" fault={faultOf('name')}>
          <input id="li-name" required value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </Field>
        <Field
          label={`${goal === undefined || goal.type === 'cpm' ? 'Bid' : 'Highest bid'} (CPM, ${currency})`}
          id="li-bid"
          hint="For a thousand impressions."
          fault={faultOf('goal')}
        >
          <input
            id="li-bid"
            required
            inputMode="decimal"
            value={bid}
            onInput={(event) => setBid(event.currentTarget.value)}
          />
        </Field>
        <Field
          label={`Daily budget (${currency})`}
          id="li-daily"
          hint="Empty: only the campaign’s budget counts."
          fault={faultOf('budget')}
        >
          <input
            id="li-daily"
            inputMode="decimal"
            value={daily}
            onInput={(event) => setDaily(event.currentTarget.value)}
          />
        </Field>
        <Field label="Spend" id="li-pacing">
          <select id="li-pacing" value={pacing} onChange={(event) => setPacing(event.currentTarget.value)}>
            <option value="even">evenly, with the traffic</option>
            <option value="even_time">evenly, by the clock</option>
            <option value="front_loaded">early in the day</option>
            <option value="asap">as soon as possible</option>
          </select>
        </Field>
        <TargetingFields value={targeting} onChange={setTargeting} />
      </div>
      {problem !== null && <Fault problem={problem} />}
      <div class="actions">
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Saving …' : 'Save line item'}
        </button>
        <button type="button" onClick={onDone}>
          Cancel
        </button>
      </div>
    </form>
  );
}
