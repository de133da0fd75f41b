import { useState } from 'preact/hooks';
import { count } from './format.ts';
import type { DimensionInfo } from './targetingtable.ts';
import { joinTerms, type RuleText, stepTerm, termsOf, wrongTerm } from './targetingtext.ts';

interface RuleFieldProps {
  readonly name: string;
  readonly info: DimensionInfo;
  /** Terms that can be ticked → what people read. */
  readonly choices: Readonly<Record<string, string>>;
  readonly fault: string | undefined;
  readonly value: RuleText;
  readonly onChange: (value: RuleText) => void;
}

/** One dimension of targeting: choices to tick, and lists of what it must be and what it must not be. */
export function RuleField({ name, info, choices, fault, value, onChange }: RuleFieldProps) {
  const id = `targeting-${name}`;
  const wrong = wrongTerm(name, value.include) ?? wrongTerm(name, value.exclude);
  const said = fault ?? (wrong === undefined ? undefined : `“${wrong}” does not look right. ${info.hint}`);
  return (
    <fieldset class="field rule" aria-describedby={`${id}-note`}>
      <legend>{info.label}</legend>
      {Object.keys(choices).length > 0 && <Choices name={name} choices={choices} value={value} onChange={onChange} />}
      {info.typed && (
        <>
          <Terms
            id={id}
            word="Only"
            label={info.label}
            text={value.include}
            onInput={(include) => onChange({ ...value, include })}
          />
          <Terms
            id={`${id}-not`}
            word="Never"
            label={info.label}
            text={value.exclude}
            onInput={(exclude) => onChange({ ...value, exclude })}
          />
        </>
      )}
      <small id={`${id}-note`} class={said === undefined ? '' : 'fault'}>
        {said ?? info.hint}
      </small>
      {info.file && <ListFile name={name} label={info.label} value={value} onChange={onChange} />}
    </fieldset>
  );
}

interface TermsProps {
  readonly id: string;
  readonly word: string;
  readonly label: string;
  readonly text: string;
  readonly onInput: (text: string) => void;
}

function Terms({ id, word, label, text, onInput }: TermsProps) {
  return (
    <span class="terms">
      <label for={id}>
        {word}
        <span class="sr"> {label}</span>
      </label>
      <input id={id} value={text} autocomplete="off" onInput={(event) => onInput(event.currentTarget.value)} />
    </span>
  );
}

type ChoicesProps = Pick<RuleFieldProps, 'name' | 'choices' | 'value' | 'onChange'>;

function Choices({ name, choices, value, onChange }: ChoicesProps) {
  const include = termsOf(name, value.include);
  const exclude = termsOf(name, value.exclude);
  return (
    <div class="steps">
      {Object.entries(choices).map(([term, label]) => {
        const state = include.includes(term) ? 'only' : exclude.includes(term) ? 'never' : 'any';
        return (
          <button key={term} type="button" class={state} onClick={() => onChange(stepTerm(name, value, term))}>
            {state === 'only' ? '✓ ' : state === 'never' ? '✕ ' : ''}
            {label}
            {state !== 'any' && <span class="sr">: {state}</span>}
          </button>
        );
      })}
    </div>
  );
}

/** Adds the lines of a file to a list: inventory lists are too long to be typed. */
function ListFile({
  name,
  label,
  value,
  onChange,
}: Pick<RuleFieldProps, 'name' | 'value' | 'onChange'> & { label: string }) {
  const [said, setSaid] = useState('');
  const add = async (list: keyof RuleText, file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    const found = termsOf(name, (await file.text()).replace(/^\uFEFF/, ''));
    onChange({ ...value, [list]: joinTerms([...new Set([...termsOf(name, value[list]), ...found])]) });
    setSaid(`${count(found.length)} read from ${file.name}`);
  };
  const input = (list: keyof RuleText, word: string) => (
    <label class="link file">
      {word}
      <span class="sr"> {label}, from a file</span>
      <input
        type="file"
        class="sr"
        accept=".txt,.csv,text/plain,text/csv"
        onChange={(event) => add(list, event.currentTarget.files?.[0])}
      />
    </label>
  );
  return (
    <small class="files">
      From a file: {input('include', 'only')} · {input('exclude', 'never')}{' '}
      {said !== '' && <span role="status">{said}</span>}
    </small>
  );
}
