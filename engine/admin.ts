import { errorReply } from './http/errorreply.ts';
import { BID_PATH, type HttpCall } from './http/transport.ts';
import { isDraining, isHeld, isReady, type SharedStatus } from './shared/status.ts';

export interface AdminDeps {
  readonly status: SharedStatus;
  readonly version: string;
  readonly transport: string;
  /** Asks the main thread for the metrics page. */
  readonly metrics: (onBody: (body: string) => void) => void;
}

/** Answers health, metrics and version. @returns false when the path is none of ours */
export function createAdminHandler(deps: AdminDeps): (call: HttpCall) => boolean {
  const { status } = deps;
  const json = (value: unknown, code = 200) => ({
    status: code,
    type: 'application/json',
    body: JSON.stringify(value),
  });
  return (call) => {
    switch (call.path) {
      case '/healthz/live':
        call.send(json({ status: 'live' }));
        return true;
      case '/healthz/ready':
        if (isReady(status)) call.send(json({ status: 'ready' }));
        else call.send(json({ status: whyNotReady(status) }, 503));
        return true;
      case '/version':
        call.send(json({ name: 'evenkeel', role: 'bidder', version: deps.version, transport: deps.transport }));
        return true;
      case '/metrics':
        deps.metrics((body) => call.send({ status: 200, type: 'text/plain; version=0.0.4', body }));
        return true;
      default:
        return false;
    }
  };
}

function whyNotReady(status: SharedStatus): string {
  if (isDraining(status)) return 'draining';
  return isHeld(status) ? 'not_durable' : 'starting';
}

export const notFound = errorReply(404, 'not_found', 'There is nothing here.');

/** Answers OPTIONS everywhere, and other methods than POST on the bid endpoint. @returns false when there is nothing wrong */
export function wrongMethod(call: HttpCall): boolean {
  const isBid = call.path.startsWith(BID_PATH);
  const allow = ['Allow', isBid ? 'POST, OPTIONS' : 'GET, HEAD, POST, OPTIONS'] as const;
  if (call.method === 'OPTIONS') call.send({ status: 204, headers: [allow] });
  else if (isBid) {
    const reply = errorReply(405, 'method_not_allowed', 'Bid requests are sent with POST.');
    call.send({ ...reply, headers: [allow] });
  } else return false;
  return true;
}
