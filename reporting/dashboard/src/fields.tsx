import type { ComponentChildren, InputHTMLAttributes } from 'preact';
import type { Advertiser } from './data.ts';
import { Field } from './parts.tsx';

/** What every labelled input says about itself. */
interface Described {
  readonly id: string;
  readonly label: string;
  readonly hint?: string | undefined;
  /** Why the server refused it. */
  readonly fault?: string | undefined;
}

/** Ties an input to its note, and tells when it was refused. */
function described({ id, hint, fault }: Described) {
  return {
    id,
    ...(hint === undefined && fault === undefined ? {} : { 'aria-describedby': `${id}-note` }),
    ...(fault === undefined ? {} : { 'aria-invalid': true as const }),
  };
}

interface TextFieldProps extends Described {
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly type?: string;
  readonly required?: boolean;
  readonly money?: boolean;
  readonly maxLength?: number;
  readonly minLength?: number;
  readonly autocomplete?: string;
  /** Lines to show: more than one makes it a box. */
  readonly rows?: number;
}

/** A line of text, an amount of money, or a box of lines. */
export function TextField(props: TextFieldProps) {
  const { id, label, value, onInput, hint, fault, money = false, rows = 1, ...input } = props;
  // The types of inputs are told apart by their `type`, which is not known here.
  const attributes = {
    ...described(props),
    value,
    ...(money ? { inputMode: 'decimal' } : {}),
    ...input,
  } as InputHTMLAttributes<HTMLInputElement>;
  return (
    <Field label={label} id={id} hint={hint} fault={fault}>
      {rows > 1 ? (
        <textarea
          {...described(props)}
          rows={rows}
          required={props.required ?? false}
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      ) : (
        <input {...attributes} onInput={(event) => onInput(event.currentTarget.value)} />
      )}
    </Field>
  );
}

interface SelectProps {
  readonly value: string;
  /** Value → what people read. */
  readonly options: Readonly<Record<string, string>> | ReadonlyMap<string, string>;
  readonly onChange: (value: string) => void;
}

function optionsOf(options: SelectProps['options']) {
  const entries = options instanceof Map ? [...options] : Object.entries(options);
  return entries.map(([key, text]) => (
    <option key={key} value={key}>
      {text}
    </option>
  ));
}

/** A choice without a label of its own to be seen: part of a joined field or a row. */
export function Select({
  label,
  value,
  options,
  onChange,
  fit = false,
}: SelectProps & { label: string; fit?: boolean }) {
  return (
    <select
      class={fit ? 'fit' : ''}
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      {optionsOf(options)}
    </select>
  );
}

export function SelectField(props: SelectProps & Described & { readonly required?: boolean }) {
  const { id, label, value, options, onChange, hint, fault, required = false } = props;
  return (
    <Field label={label} id={id} hint={hint} fault={fault}>
      <select
        {...described(props)}
        required={required}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {optionsOf(options)}
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

export function AdvertiserField({ label = 'Advertiser', advertisers, none, ...props }: AdvertiserFieldProps) {
  // A map keeps this order; an object would put the numbers first.
  const options = new Map(none === undefined ? [] : [['', none]]);
  for (const { id, name } of advertisers) options.set(String(id), name);
  return <SelectField {...props} label={label} options={options} />;
}

interface FileFieldProps extends Described {
  readonly accept: string;
  readonly onFile: (file: File) => void;
  readonly children?: ComponentChildren;
}

/** A file to be chosen; what becomes of it is shown below. */
export function FileField(props: FileFieldProps) {
  const { id, label, hint, fault, accept, onFile, children } = props;
  return (
    <Field label={label} id={id} hint={hint} fault={fault}>
      <input
        {...described(props)}
        type="file"
        accept={accept}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file !== undefined) onFile(file);
        }}
      />
      {children}
    </Field>
  );
}
