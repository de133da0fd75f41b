import type { Slot } from './data.ts';
import { Select } from './fields.tsx';
import { weekdayNames } from './labels.ts';

const everyDay = [1, 2, 3, 4, 5, 6, 7];
const zones = { advertiser: 'your time zone', user: 'the person’s time zone' };
const MAX_SLOTS = 21;

/** Hours as `08:00`; @param first 0 for beginnings, 1 for ends */
function hoursFrom(first: number): ReadonlyMap<string, string> {
  const hours = Array.from({ length: 24 }, (_, i) => i + first);
  return new Map(hours.map((hour) => [String(hour), `${String(hour).padStart(2, '0')}:00`]));
}
const beginnings = hoursFrom(0);
const ends = hoursFrom(1);

interface HoursFieldsProps {
  /** None: always. */
  readonly slots: readonly Slot[];
  readonly zone: string;
  readonly fault: string | undefined;
  readonly onSlots: (slots: readonly Slot[]) => void;
  readonly onZone: (zone: string) => void;
}

/** Days and hours in which it bids: any number of spans, and a picture of the week they make. */
export function HoursFields({ slots, zone, fault, onSlots, onZone }: HoursFieldsProps) {
  const shown = slots.length === 0 ? [{ days: everyDay, fromHour: 0, toHour: 24 }] : slots;
  const change = (next: readonly Slot[]): void => {
    const [only] = next;
    const always = next.length === 1 && only?.days.length === 7 && only.fromHour === 0 && only.toHour === 24;
    onSlots(always ? [] : next);
  };
  const put = (at: number, part: Partial<Slot>): void =>
    change(shown.map((slot, i) => (i === at ? { ...slot, ...part } : slot)));
  return (
    <fieldset class="field wide">
      <legend>Days and hours</legend>
      <div class="hours">
        <div>
          {shown.map((slot, i) => (
            <div key={i} class="slot">
              <Days slot={slot} onChange={(days) => put(i, { days })} />
              <span class="joined">
                <Select
                  label="from"
                  value={String(slot.fromHour)}
                  options={beginnings}
                  onChange={(hour) => put(i, { fromHour: Number(hour) })}
                />
                <Select
                  label="until"
                  value={String(slot.toHour)}
                  options={ends}
                  onChange={(hour) => put(i, { toHour: Number(hour) })}
                />
                {shown.length > 1 && (
                  <button type="button" class="link" onClick={() => change(shown.filter((_, at) => at !== i))}>
                    Remove<span class="sr"> these hours</span>
                  </button>
                )}
              </span>
            </div>
          ))}
          <span class="joined">
            <Select label="time zone of the hours" value={zone} options={zones} onChange={onZone} />
            {shown.length < MAX_SLOTS && (
              <button
                type="button"
                class="link"
                onClick={() => change([...shown, { days: [6, 7], fromHour: 10, toHour: 18 }])}
              >
                More hours
              </button>
            )}
          </span>
        </div>
        <Week slots={shown} />
      </div>
      {fault !== undefined && (
        <small class="fault" role="alert">
          {fault}
        </small>
      )}
    </fieldset>
  );
}

function Days({ slot, onChange }: { slot: Slot; onChange: (days: readonly number[]) => void }) {
  const toggle = (day: number): void => {
    const days = slot.days.includes(day) ? slot.days.filter((other) => other !== day) : [...slot.days, day];
    onChange([...days].sort((a, b) => a - b));
  };
  return (
    <div class="choices">
      {everyDay.map((day) => (
        <label key={day}>
          <input type="checkbox" checked={slot.days.includes(day)} onChange={() => toggle(day)} />{' '}
          {weekdayNames[day - 1]!.slice(0, 3)}
        </label>
      ))}
    </div>
  );
}

/** Which hours of the week are open, to be seen at a glance. */
function Week({ slots }: { slots: readonly Slot[] }) {
  const open = (day: number, hour: number): boolean =>
    slots.some(({ days, fromHour, toHour }) => days.includes(day) && hour >= fromHour && hour < toHour);
  const hours = Array.from({ length: 24 }, (_, hour) => hour);
  const total = everyDay.reduce((sum, day) => sum + hours.filter((hour) => open(day, hour)).length, 0);
  return (
    <div class="week" role="img" aria-label={`${total} of 168 hours of the week`}>
      {everyDay.map((day) => (
        <div key={day}>
          {hours.map((hour) => (
            <i key={hour} class={open(day, hour) ? 'open' : ''} />
          ))}
        </div>
      ))}
    </div>
  );
}
