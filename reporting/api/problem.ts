import type { ZodError } from 'zod';

/** One field at fault: a JSON pointer-like path (`budget.dailyMicros`) and what is wrong with it. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

export interface ProblemOptions {
  readonly detail: string;
  /** The field at fault, dotted; the first one when there are several. */
  readonly field?: string;
  readonly faults?: readonly FieldFault[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Titles by stable code. The code is the contract; titles and details are for people. */
const titles = {
  bad_request: 'The request cannot be read',
  invalid_json: 'The body is not JSON',
  invalid_field: 'A field is not valid',
  unauthenticated: 'No valid key or session',
  forbidden: 'This key may not do that',
  not_found: 'Not found',
  method_not_allowed: 'This method is not allowed here',
  conflict: 'Conflicts with the present state',
  version_conflict: 'Somebody else changed it first',
  precondition_required: 'If-Match is required',
  body_too_large: 'The body is too large',
  unsupported_media_type: 'The body must be JSON',
  csrf: 'Refused to protect the session',
  too_many_requests: 'Too many requests',
  idempotency_mismatch: 'The idempotency key was used for another request',
  idempotency_busy: 'The first request with this key is still running',
  too_many_entities: 'The limit of entities is reached',
  file_in_use: 'An ad shows this file',
  ad_files_full: 'There is no room for more files of ads',
  transition_not_allowed: 'This change of status is not allowed',
  unsupported_currency: 'Bids can not be made in this currency',
  report_unsupported: 'These measures are not known by this dimension',
  not_ready: 'Not ready yet',
  store_unavailable: 'Reports are not available right now',
  write_unconfirmed: 'The change may or may not have been saved',
  overloaded: 'Too busy',
  unexpected: 'Something went wrong on our side',
} as const;
export type ProblemCode = keyof typeof titles;

/** An answer that is not a success, as RFC 9457 problem details with a stable `code`. */
export class Problem extends Error {
  readonly status: number;
  readonly code: ProblemCode;
  readonly options: ProblemOptions;

  constructor(status: number, code: ProblemCode, options: ProblemOptions | string) {
    const full = typeof options === 'string' ? { detail: options } : options;
    super(full.detail);
    this.status = status;
    this.code = code;
    this.options = full;
  }
}

/** The body of a problem response (`application/problem+json`). */
export function problemBody(problem: Problem, instance: string, requestId: string): Record<string, unknown> {
  const { detail, field, faults } = problem.options;
  return {
    type: `about:blank#${problem.code}`,
    title: titles[problem.code],
    status: problem.status,
    code: problem.code,
    detail,
    ...(field === undefined ? {} : { field }),
    ...(faults === undefined || faults.length < 2 ? {} : { errors: faults }),
    instance,
    requestId,
  };
}

/** The fault of a failed validation, naming the first field and listing up to 20. */
export function invalidInput(error: ZodError, prefix = ''): Problem {
  const byField = new Map<string, FieldFault>();
  for (const issue of error.issues) {
    const field = `${prefix}${issue.path.map(String).join('.')}` || '(body)';
    if (!byField.has(field)) byField.set(field, { field, message: issue.message });
  }
  const faults = [...byField.values()].slice(0, 20);
  const first = faults[0] ?? { field: '(body)', message: 'is not valid' };
  return new Problem(422, 'invalid_field', { detail: `${first.field}: ${first.message}`, field: first.field, faults });
}

/** One invalid field found by a rule of ours. */
export function invalidField(field: string, message: string): Problem {
  return new Problem(422, 'invalid_field', { detail: `${field}: ${message}`, field });
}
