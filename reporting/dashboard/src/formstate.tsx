import type { ComponentChildren, InputHTMLAttributes } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiProblem } from './client.ts';
import type { Advertiser } from './data.ts';
import { Fault, Field } from './parts.tsx';

export interface Submission {
  readonly busy: boolean;
  readonly problem: ApiProblem | null;
  /** Runs the work unless it is running, and keeps what it was refused for. */
  submit(event?: Event): Promise<void>;
  /** What is wrong with a field, by the end or a part of its path. */
  faultOf(part: string): string | undefined;
}

/** A form that is sent once at a time. @param work told which button sent it, by its value */
export function useSubmit(work: (button: string) => Promise<void>): Submission {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  return {
    busy,
    problem,
    async submit(event) {
      event?.preventDefault();
      if (busy) return;
      const submitter = (event as SubmitEvent | undefined)?.submitter as HTMLButtonElement | null | undefined;
      setBusy(true);
      setProblem(null);
      try {
        await work(submitter?.value ?? '');
      } catch (error) {
        setProblem(error as ApiProblem);
      }
      setBusy(false);
    },
    faultOf: (part) => (problem?.field?.includes(part) ? problem.message : undefined),
  };
}

interface FormEndProps {
  readonly form: Submission;
  readonly save: string;
  readonly onCancel?: () => void;
  readonly children?: ComponentChildren;
}

/** What went wrong with the form as a whole, and its buttons. */
export function FormEnd({ form, save, onCancel, children }: FormEndProps) {
  return (
    <>
      {form.problem !== null && <Fault problem={form.problem} />}
      <div class="actions">
        <button type="submit" class="primary" disabled={form.busy}>
          {form.busy ? 'Saving …' : save}
        </button>
        {children}
        {onCancel !== undefined && (
          <button type="button" onClick={onCancel}>
            Cancel
          </button>
        )}
      </div>
    </>
  );
}

interface TextFieldProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly hint?: string;
  readonly fault?: string | undefined;
  readonly type?: string;
  readonly required?: boolean;
  readonly money?: boolean;
  readonly maxLength?: number;
  readonly minLength?: number;
}

/** A line of text, or an amount of money. */
export function TextField({ id, label, value, onInput, hint, fault, money = false, ...input }: TextFieldProps) {
  // The types of inputs are told apart by their `type`, which is not known here.
  const attributes = {
    id,
    value,
    ...(money ? { inputMode: 'decimal' } : {}),
    ...input,
  } as InputHTMLAttributes<HTMLInputElement>;
  return (
    <Field label={label} id={id} fault={fault} {...(hint === undefined ? {} : { hint })}>
      <input {...attributes} onInput={(event) => onInput(event.currentTarget.value)} />
    </Field>
  );
}

interface SelectFieldProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly options: Readonly<Record<string, string>>;
  readonly onChange: (value: string) => void;
  readonly hint?: string;
}

export function SelectField({ id, label, value, options, onChange, hint }: SelectFieldProps) {
  return (
    <Field label={label} id={id} {...(hint === undefined ? {} : { hint })}>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {Object.entries(options).map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}

interface AdvertiserFieldProps {
  readonly id: string;
  readonly label?: string;
  readonly advertisers: readonly Advertiser[];
  readonly value: string;
  readonly onChange: (id: string) => void;
  /** What choosing none means; absent where one must be chosen and the first is. */
  readonly none?: string;
  readonly required?: boolean;
}

export function AdvertiserField(props: AdvertiserFieldProps) {
  const { id, label = 'Advertiser', advertisers, value, onChange, none, required = false } = props;
  return (
    <Field label={label} id={id}>
      <select id={id} required={required} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {none !== undefined && <option value="">{none}</option>}
        {advertisers.map((advertiser) => (
          <option key={advertiser.id} value={advertiser.id}>
            {advertiser.name}
          </option>
        ))}
      </select>
    </Field>
  );
}
