/** A refusal of the API: RFC 9457 problem details. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly field: string | null;
  readonly requestId: string;

  constructor(status: number, body: { code?: string; detail?: string; field?: string; requestId?: string }) {
    super(body.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.code = body.code ?? 'unexpected';
    this.field = body.field ?? null;
    this.requestId = body.requestId ?? '';
  }
}

export interface Me {
  readonly name: string;
  readonly role: 'operator' | 'advertiser' | 'read_only';
  readonly advertiserId: number | null;
  /** Of the advertiser; null for those who see all. */
  readonly timeZone: string | null;
  readonly currency: string | null;
}

interface SendOptions {
  readonly body?: unknown;
  readonly etag?: string;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Called when the session is over, so that the page can ask to log in again. */
export const session = { onEnd: (): void => undefined };

/** Calls the API with the session's cookie. @throws ApiProblem */
export async function send<T>(method: string, path: string, options: SendOptions = {}): Promise<T> {
  const headers = new Headers({ accept: 'application/json', 'x-evenkeel-client': 'dashboard', ...options.headers });
  if (options.body !== undefined) headers.set('content-type', 'application/json');
  if (options.etag !== undefined) headers.set('if-match', options.etag);
  const response = await fetch(`/api/v1${path}`, {
    method,
    headers,
    credentials: 'same-origin',
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const text = await response.text();
  if (!response.ok) {
    if (response.status === 401 && path !== '/session') session.onEnd();
    throw new ApiProblem(response.status, parse(text));
  }
  return (text === '' ? null : JSON.parse(text)) as T;
}

export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return send<T>('GET', path, signal === undefined ? {} : { signal });
}

function parse(text: string): { code?: string; detail?: string } {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
