import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { FormEnd, type Submission } from './formstate.tsx';

interface EditorFormProps {
  readonly label: string;
  readonly form: Submission;
  readonly save: string;
  /** A card of its own, or inside another. */
  readonly place?: 'card' | 'inset';
  readonly onCancel: () => void;
  readonly children: ComponentChildren;
}

/** A form that opens on a page: it takes the focus, Escape closes it, and the focus returns to where it was. */
export function EditorForm({ label, form, save, place = 'inset', onCancel, children }: EditorFormProps) {
  const element = useRef<HTMLFormElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    element.current?.querySelector<HTMLElement>('input, select, textarea')?.focus();
    return () => {
      if (before?.isConnected) before.focus();
    };
  }, []);
  return (
    <form
      ref={element}
      class={`form ${place}`}
      aria-label={label}
      onSubmit={form.submit}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !event.defaultPrevented) onCancel();
      }}
    >
      {children}
      <FormEnd form={form} save={save} onCancel={onCancel} />
    </form>
  );
}
