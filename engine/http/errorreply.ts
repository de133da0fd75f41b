import type { Reply } from './transport.ts';

/** An error as JSON: a stable code and one sentence. */
export function errorReply(status: number, code: string, says: string, close = false): Reply {
  return {
    status,
    type: 'application/json',
    body: JSON.stringify({ error: { code, message: says } }),
    ...(close ? { close } : {}),
  };
}
