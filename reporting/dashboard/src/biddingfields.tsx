import type { Goal, LineItem, Slot } from './data.ts';
import { Select, SelectField, TextField } from './fields.tsx';
import type { Submission } from './formstate.tsx';
import { HoursFields } from './hoursfields.tsx';
import { microsOf, unitsOf } from './moneyinput.ts';
import { Field } from './parts.tsx';

export interface CapText {
  readonly impressions: string;
  readonly per: string;
  readonly scope: string;
}

/** How a line item bids, as people type it. */
export interface BiddingText {
  readonly goal: 'cpm' | 'cpc' | 'cpa';
  /** What a click or conversion may cost. */
  readonly target: string;
  /** The bid, or the highest one. */
  readonly bid: string;
  /** Of a CPA goal: which conversions count; '' for all. */
  readonly conversionType: string;
  readonly caps: readonly CapText[];
  /** Open hours; none for all of them. */
  readonly slots: readonly Slot[];
  readonly zone: string;
}

const goals = { cpm: 'impressions (CPM)', cpc: 'clicks (CPC)', cpa: 'conversions (CPA)' };
const spans = { minute: 'a minute', hour: 'an hour', day: 'a day', lifetime: 'ever' };
const scopes = { line_item: 'this line item', campaign: 'the campaign', creative: 'each creative' };
const newCap: CapText = { impressions: '', per: 'day', scope: 'line_item' };
const MAX_CAPS = 8;

export function biddingText(lineItem: LineItem | null): BiddingText {
  const goal = lineItem?.goal ?? { type: 'cpm', bidCpmMicros: 2_000_000 };
  const caps = (lineItem?.frequencyCaps ?? []).map((cap) => ({ ...cap, impressions: String(cap.impressions) }));
  const dayparting = lineItem?.targeting.dayparting ?? null;
  return {
    goal: goal.type,
    target: goal.type === 'cpm' ? '' : unitsOf(goal.targetMicros),
    bid: unitsOf(goal.type === 'cpm' ? goal.bidCpmMicros : goal.maxCpmMicros),
    conversionType: goal.type === 'cpa' ? (goal.conversionType ?? '') : '',
    caps: caps.length === 0 ? [newCap] : caps,
    slots: dayparting?.slots ?? [],
    zone: dayparting?.zone ?? 'advertiser',
  };
}

/** What the form says. @param before a patch merges objects: what another kind of goal had must go by name */
export function biddingBody(text: BiddingText, before: LineItem | null) {
  const bid = microsOf(text.bid);
  const goal: object =
    text.goal === 'cpm'
      ? { type: 'cpm', bidCpmMicros: bid }
      : { type: text.goal, targetMicros: microsOf(text.target), maxCpmMicros: bid };
  const counted = text.goal === 'cpa' ? { conversionType: text.conversionType.trim() } : {};
  const gone = before === null || before.goal.type === text.goal ? {} : nothingOf(before.goal);
  const frequencyCaps = text.caps
    .filter((cap) => cap.impressions.trim() !== '')
    .map((cap) => ({ ...cap, impressions: Number(cap.impressions) }));
  return { goal: { ...gone, ...goal, ...counted }, frequencyCaps };
}

function nothingOf(goal: Goal): Record<string, null> {
  return Object.fromEntries(Object.keys(goal).map((field) => [field, null]));
}

/** Hours of the week; null when all are open. */
export function daypartingOf({ slots, zone }: BiddingText) {
  return slots.length === 0 ? null : { zone, slots };
}

interface BiddingFieldsProps {
  readonly value: BiddingText;
  readonly currency: string;
  readonly form: Submission;
  readonly onChange: (value: BiddingText) => void;
}

/** What is paid for, how often the same person sees it, and when. */
export function BiddingFields({ value, currency, form, onChange }: BiddingFieldsProps) {
  const set = (field: keyof BiddingText) => (text: string) => onChange({ ...value, [field]: text });
  return (
    <>
      <SelectField
        id="li-goal"
        label="Pay for"
        hint="With clicks and conversions, bids follow the predicted rate."
        value={value.goal}
        options={goals}
        onChange={set('goal')}
      />
      {value.goal !== 'cpm' && (
        <TextField
          id="li-target"
          label={`${value.goal === 'cpc' ? 'A click' : 'A conversion'} may cost (${currency})`}
          hint="On average."
          required
          money
          fault={form.faultOf('targetMicros')}
          value={value.target}
          onInput={set('target')}
        />
      )}
      {value.goal === 'cpa' && (
        <TextField
          id="li-conversion"
          label="Which conversions"
          hint="The type your pixel sends, such as purchase. Empty: all."
          maxLength={64}
          fault={form.faultOf('conversionType')}
          value={value.conversionType}
          onInput={set('conversionType')}
        />
      )}
      <TextField
        id="li-bid"
        label={`${value.goal === 'cpm' ? 'Bid' : 'Highest bid'} (CPM, ${currency})`}
        hint="The most you pay for a thousand impressions."
        required
        money
        fault={form.faultOf('CpmMicros')}
        value={value.bid}
        onInput={set('bid')}
      />
      <Caps value={value} form={form} onChange={onChange} />
      <HoursFields
        slots={value.slots}
        zone={value.zone}
        fault={form.faultOf('dayparting')}
        onSlots={(slots) => onChange({ ...value, slots })}
        onZone={set('zone')}
      />
    </>
  );
}

/** How often one person may see it; all caps hold at once. */
function Caps({ value, form, onChange }: Omit<BiddingFieldsProps, 'currency'>) {
  const { caps } = value;
  const change = (at: number, part: Partial<CapText>): void =>
    onChange({ ...value, caps: caps.map((cap, i) => (i === at ? { ...cap, ...part } : cap)) });
  const fault = form.faultOf('frequencyCaps');
  return (
    <Field label="Show it at most" id="li-cap" hint="Times to one person. Empty: no limit." fault={fault}>
      {caps.map((cap, i) => (
        <span key={i} class="joined">
          <input
            id={i === 0 ? 'li-cap' : undefined}
            aria-label={i === 0 ? undefined : 'Show it at most'}
            aria-describedby="li-cap-note"
            inputMode="numeric"
            value={cap.impressions}
            onInput={(event) => change(i, { impressions: event.currentTarget.value })}
          />
          <Select label="per" value={cap.per} options={spans} onChange={(per) => change(i, { per })} />
          <Select label="counted for" value={cap.scope} options={scopes} onChange={(scope) => change(i, { scope })} />
        </span>
      ))}
      {caps.length < MAX_CAPS && caps.at(-1)?.impressions !== '' && (
        <button type="button" class="link more" onClick={() => onChange({ ...value, caps: [...caps, newCap] })}>
          One more limit
        </button>
      )}
    </Field>
  );
}
