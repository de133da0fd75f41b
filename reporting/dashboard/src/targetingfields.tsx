import { useState } from 'preact/hooks';
import { type Audience, type Page, useData } from './data.ts';
import { TextField } from './fields.tsx';
import { plural } from './format.ts';
import type { Submission } from './formstate.tsx';
import { RuleField } from './rulefield.tsx';
import { dimensionsOf, type TargetingGroup, targetingGroups, targetingTable } from './targetingtable.ts';
import { circlesOf, ruleText, type TargetingText, targetingRules } from './targetingtext.ts';

interface TargetingFieldsProps {
  readonly advertiserId: number;
  readonly value: TargetingText;
  readonly form: Submission;
  readonly onChange: (value: TargetingText) => void;
}

/** Whom a line item reaches and where. Everything empty: everybody, everywhere. */
export function TargetingFields({ advertiserId, value, form, onChange }: TargetingFieldsProps) {
  const audiences = useData<Page<Audience>>(`/audiences?advertiserId=${advertiserId}`);
  const own = Object.fromEntries((audiences.data?.items ?? []).map(({ id, name }) => [String(id), name]));
  return (
    <div class="targeting">
      <h3>Targeting</h3>
      <p class="note">
        Empty means no limit. A click on a choice makes it <b>only</b>, another one <b>never</b>. All groups must fit;
        of a list, one entry must.
      </p>
      {(Object.keys(targetingGroups) as TargetingGroup[]).map((group) => (
        <Group key={group} title={targetingGroups[group]} rules={rulesIn(value, group)} open={group === 'where'}>
          {dimensionsOf(group).map((name) => (
            <RuleField
              key={name}
              name={name}
              info={targetingTable[name]!}
              choices={{ ...targetingTable[name]!.choices, ...(name === 'segment' ? own : {}) }}
              fault={form.faultOf(`targeting.terms.${name}`)}
              value={ruleText(value, name)}
              onChange={(rule) => onChange({ ...value, rules: { ...value.rules, [name]: rule } })}
            />
          ))}
          {group === 'where' && (
            <TextField
              id="targeting-within"
              label="Around places"
              hint="A circle a line: latitude, longitude, kilometres."
              rows={3}
              fault={form.faultOf('targeting.within') ?? circleFault(value.circles)}
              value={value.circles}
              onInput={(circles) => onChange({ ...value, circles })}
            />
          )}
        </Group>
      ))}
    </div>
  );
}

/** How many rules of a group are set. */
function rulesIn(value: TargetingText, group: TargetingGroup): number {
  const { terms } = targetingRules({ ...value, circles: '' });
  const circles = group === 'where' && value.circles.trim() !== '' ? 1 : 0;
  return dimensionsOf(group).filter((name) => terms[name] !== undefined).length + circles;
}

function circleFault(text: string): string | undefined {
  try {
    circlesOf(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

interface GroupProps {
  readonly title: string;
  readonly rules: number;
  readonly open: boolean;
  readonly children: preact.ComponentChildren;
}

/** Fields that can be folded away; open from the start when they say something. */
function Group({ title, rules, open, children }: GroupProps) {
  const [shown, setShown] = useState(open || rules > 0);
  return (
    <details class="group" open={shown} onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>
        <span>{title}</span>
        <small>{rules === 0 ? 'no limit' : plural(rules, 'rule')}</small>
      </summary>
      {shown && <div class="columns">{children}</div>}
    </details>
  );
}
