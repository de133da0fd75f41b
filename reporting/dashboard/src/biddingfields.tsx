import type { Goal, LineItem } from './data.ts';
import type { Submission } from './formstate.tsx';
import { SelectField, TextField } from './formstate.tsx';
import { microsOf, unitsOf } from './moneyinput.ts';
import { Field } from './parts.tsx';

/** How a line item bids, as people type it. */
export interface BiddingText {
  goal: 'cpm' | 'cpc' | 'cpa';
  /** What a click or conversion may cost. */
  target: string;
  /** The bid, or the highest one. */
  bid: string;
  capCount: string;
  capPer: string;
  capScope: string;
  days: readonly number[];
  fromHour: string;
  toHour: string;
  zone: string;
}

const everyDay = [1, 2, 3, 4, 5, 6, 7];
const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const goals = { cpm: 'impressions (CPM)', cpc: 'clicks (CPC)', cpa: 'conversions (CPA)' };

export function biddingText(lineItem: LineItem | null): BiddingText {
  const goal = lineItem?.goal ?? { type: 'cpm', bidCpmMicros: 2_000_000 };
  const cap = lineItem?.frequencyCaps[0];
  const dayparting = lineItem?.targeting.dayparting ?? null;
  const slot = dayparting?.slots[0];
  return {
    goal: goal.type,
    target: goal.type === 'cpm' ? '' : unitsOf(goal.targetMicros),
    bid: unitsOf(goal.type === 'cpm' ? goal.bidCpmMicros : goal.maxCpmMicros),
    capCount: cap === undefined ? '' : String(cap.impressions),
    capPer: cap?.per ?? 'day',
    capScope: cap?.scope ?? 'line_item',
    days: slot?.days ?? everyDay,
    fromHour: String(slot?.fromHour ?? 0),
    toHour: String(slot?.toHour ?? 24),
    zone: dayparting?.zone ?? 'advertiser',
  };
}

/** What the form says, on top of what it does not show. */
export function biddingBody(text: BiddingText, before: LineItem | null) {
  const bid = microsOf(text.bid);
  const goal: Goal | object =
    text.goal === 'cpm'
      ? { type: 'cpm', bidCpmMicros: bid }
      : { type: text.goal, targetMicros: microsOf(text.target), maxCpmMicros: bid };
  // A patch merges objects: what another kind of goal had must go by name.
  const gone = before === null || before.goal.type === text.goal ? {} : nothingOf(before.goal);
  const cap = { scope: text.capScope, impressions: Number(text.capCount), per: text.capPer };
  const others = before?.frequencyCaps.slice(1) ?? [];
  return { goal: { ...gone, ...goal }, frequencyCaps: text.capCount.trim() === '' ? others : [cap, ...others] };
}

function nothingOf(goal: Goal): Record<string, null> {
  return Object.fromEntries(Object.keys(goal).map((field) => [field, null]));
}

/** Hours of the week; null when all are open. Further slots that were set by API stay. */
export function daypartingOf(text: BiddingText, before: LineItem | null) {
  const always = text.days.length === 7 && text.fromHour === '0' && text.toHour === '24';
  const slot = { days: text.days, fromHour: Number(text.fromHour), toHour: Number(text.toHour) };
  const others = before?.targeting.dayparting?.slots.slice(1) ?? [];
  return always && others.length === 0 ? null : { zone: text.zone, slots: [slot, ...others] };
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
      <SelectField id="li-goal" label="Pay for" value={value.goal} options={goals} onChange={set('goal')} />
      {value.goal !== 'cpm' && (
        <TextField
          id="li-target"
          label={`${value.goal === 'cpc' ? 'A click' : 'A conversion'} may cost (${currency})`}
          hint="Bids follow the predicted rate."
          required
          money
          fault={form.faultOf('targetMicros')}
          value={value.target}
          onInput={set('target')}
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
      <Field
        label="Show it at most"
        id="li-cap"
        hint="Times to one person. Empty: no limit."
        fault={form.faultOf('frequencyCaps')}
      >
        <span class="joined">
          <input
            id="li-cap"
            inputMode="numeric"
            value={value.capCount}
            onInput={(event) => set('capCount')(event.currentTarget.value)}
          />
          <select aria-label="per" value={value.capPer} onChange={(event) => set('capPer')(event.currentTarget.value)}>
            <option value="minute">a minute</option>
            <option value="hour">an hour</option>
            <option value="day">a day</option>
            <option value="lifetime">ever</option>
          </select>
          <select
            aria-label="counted for"
            value={value.capScope}
            onChange={(event) => set('capScope')(event.currentTarget.value)}
          >
            <option value="line_item">this line item</option>
            <option value="campaign">the campaign</option>
            <option value="creative">each creative</option>
          </select>
        </span>
      </Field>
      <Hours value={value} form={form} onChange={onChange} />
    </>
  );
}

function Hours({ value, form, onChange }: Omit<BiddingFieldsProps, 'currency'>) {
  const toggle = (day: number): void => {
    const days = value.days.includes(day) ? value.days.filter((other) => other !== day) : [...value.days, day];
    onChange({ ...value, days: days.sort((a, b) => a - b) });
  };
  const hour = (field: 'fromHour' | 'toHour', label: string, first: number) => (
    <select
      aria-label={label}
      value={value[field]}
      onChange={(event) => onChange({ ...value, [field]: event.currentTarget.value })}
    >
      {Array.from({ length: 24 }, (_, i) => i + first).map((at) => (
        <option key={at} value={String(at)}>
          {`${String(at).padStart(2, '0')}:00`}
        </option>
      ))}
    </select>
  );
  const fault = form.faultOf('dayparting');
  return (
    <fieldset class="field wide">
      <legend>Days and hours</legend>
      <div class="choices">
        {weekdays.map((name, i) => (
          <label key={name}>
            <input type="checkbox" checked={value.days.includes(i + 1)} onChange={() => toggle(i + 1)} /> {name}
          </label>
        ))}
      </div>
      <span class="joined">
        {hour('fromHour', 'from', 0)}
        {hour('toHour', 'until', 1)}
        <select
          aria-label="time zone of the hours"
          value={value.zone}
          onChange={(event) => onChange({ ...value, zone: event.currentTarget.value })}
        >
          <option value="advertiser">your time zone</option>
          <option value="user">the person’s time zone</option>
        </select>
      </span>
      {fault !== undefined && (
        <small class="fault" role="alert">
          {fault}
        </small>
      )}
    </fieldset>
  );
}
