import type { ComponentChildren } from 'preact';
import type { ApiProblem } from './client.ts';

/** What went wrong while reading, and how to try again. */
export function Fault({ problem, onRetry }: { problem: ApiProblem | Error; onRetry?: () => void }) {
  return (
    <div class="fault" role="alert">
      {problem.message}{' '}
      {onRetry !== undefined && (
        <button type="button" class="link" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Loading({ label }: { label: string }) {
  return <div class="loading" role="status" aria-label={label} />;
}

/** A number with its name and a note. */
export function Kpi({
  label,
  name,
  note,
  children,
}: {
  label: string;
  name: string;
  note?: string;
  children: ComponentChildren;
}) {
  return (
    <div class="card">
      <dt>{label}</dt>
      <dd data-kpi={name}>{children}</dd>
      {note !== undefined && <dd class="small">{note}</dd>}
    </div>
  );
}

interface CardProps {
  readonly title: string;
  readonly side?: ComponentChildren;
  readonly flush?: boolean;
  readonly children: ComponentChildren;
}

/** A titled section of a page. */
export function Card({ title, side, flush = false, children }: CardProps) {
  const id = title.toLowerCase().replace(/\W+/g, '-');
  return (
    <section class={`card ${flush ? 'flush' : ''}`} aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {side}
      </div>
      {children}
    </section>
  );
}

interface FieldProps {
  readonly label: string;
  readonly id: string;
  readonly hint?: string | undefined;
  readonly fault?: string | undefined;
  readonly children: ComponentChildren;
}

/** A labelled input with a hint and, when the server refused it, the reason. */
export function Field({ label, id, hint, fault, children }: FieldProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      {fault !== undefined ? (
        <small class="fault" role="alert" id={`${id}-note`}>
          {fault}
        </small>
      ) : (
        hint !== undefined && <small id={`${id}-note`}>{hint}</small>
      )}
    </div>
  );
}

/** A table that scrolls by itself on narrow screens and can be reached by keyboard. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section class="scroll" tabIndex={0} aria-label={`${label}, table`}>
      {children}
    </section>
  );
}
