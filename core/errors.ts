/**
 * An error a person can act on: a stable machine-readable code, what is wrong, and what to do.
 * Expected outcomes (a no-bid, an exhausted budget) are values, not errors.
 */
export class CodedError extends Error {
  readonly code: string;
  /** What the reader can do about it, as an imperative sentence. */
  readonly remedy: string;

  constructor(code: string, message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CodedError';
    this.code = code;
    this.remedy = remedy;
  }

  /** One line for a terminal or a log: `code: what is wrong. What to do.` */
  get line(): string {
    return `${this.code}: ${this.message} ${this.remedy}`;
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The stable code of anything that was thrown; `unexpected` when it carries none. */
export function codeOf(thrown: unknown): string {
  if (thrown instanceof CodedError) return thrown.code;
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'unexpected';
}
