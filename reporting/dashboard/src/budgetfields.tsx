import type { Budget, Flight } from './data.ts';
import { TextField } from './fields.tsx';
import type { Submission } from './formstate.tsx';
import { microsOf, unitsOf } from './moneyinput.ts';
import { instantOf, wallClock } from './zonedtime.ts';

/** Budget and flight of a campaign or a line item, as people type them; times as the advertiser's clocks show them. */
export interface BudgetText {
  readonly daily: string;
  readonly lifetime: string;
  readonly start: string;
  readonly end: string;
}

interface Budgeted {
  readonly budget: Budget;
  readonly flight: Flight;
}

export function budgetText(before: Budgeted | null, timeZone: string): BudgetText {
  return {
    daily: unitsOf(before?.budget.dailyMicros ?? null),
    lifetime: unitsOf(before?.budget.lifetimeMicros ?? null),
    start: wallClock(before?.flight.startMs || null, timeZone),
    end: wallClock(before?.flight.endMs ?? null, timeZone),
  };
}

/** @param before keeps the seconds of a time that was not touched */
export function budgetBody(text: BudgetText, before: Budgeted | null, timeZone: string): Budgeted {
  const was = budgetText(before, timeZone);
  return {
    budget: { dailyMicros: microsOf(text.daily), lifetimeMicros: microsOf(text.lifetime) },
    flight: {
      startMs: text.start === was.start ? (before?.flight.startMs ?? 0) : (instantOf(text.start, timeZone) ?? 0),
      endMs: text.end === was.end ? (before?.flight.endMs ?? null) : instantOf(text.end, timeZone),
    },
  };
}

interface BudgetFieldsProps {
  /** Before the ids of the fields. */
  readonly prefix: string;
  readonly value: BudgetText;
  readonly currency: string;
  readonly timeZone: string;
  readonly form: Submission;
  /** What empty fields mean. */
  readonly hints: Readonly<Record<keyof BudgetText, string>>;
  readonly onChange: (value: BudgetText) => void;
}

/** How much may be spent, and from when to when. */
export function BudgetFields({ prefix, value, currency, timeZone, form, hints, onChange }: BudgetFieldsProps) {
  const field = (name: keyof BudgetText, label: string, path: string) => (
    <TextField
      id={`${prefix}-${name}`}
      label={label}
      hint={hints[name]}
      fault={form.faultOf(path)}
      value={value[name]}
      onInput={(text) => onChange({ ...value, [name]: text })}
      {...(path.startsWith('budget') ? { money: true } : { type: 'datetime-local' })}
    />
  );
  return (
    <>
      {field('daily', `Daily budget (${currency})`, 'budget.dailyMicros')}
      {field('lifetime', `Budget in all (${currency})`, 'budget.lifetimeMicros')}
      {field('start', `Starts (${timeZone})`, 'flight.startMs')}
      {field('end', `Ends (${timeZone})`, 'flight.endMs')}
    </>
  );
}
