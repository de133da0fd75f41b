import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiProblem } from './client.ts';
import { Fault } from './parts.tsx';

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
