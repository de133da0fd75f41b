import type { Clock } from '../../core/clock.ts';
import { type EventType, eventKey, type LoggedEvent } from '../../core/event.ts';
import { MAX_EVENT_NANOS } from '../../core/money.ts';
import { type BidToken, readToken, type TokenKey } from '../../core/token.ts';
import type { Rates } from '../auction/currency.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { ExchangeProfile } from '../config.ts';
import { errorReply } from '../http/errorreply.ts';
import type { HttpCall, Reply } from '../http/transport.ts';
import { truncateIp } from '../privacy/truncateip.ts';
import type { Counters } from '../stats/counters.ts';
import { readConversion } from './conversion.ts';
import type { PendingEvents } from './pending.ts';
import { converted, isAudit, type PriceReader, priceReader } from './price.ts';
import { plainPrice, queryInteger, queryValue } from './query.ts';

const MAX_UA_CHARS = 512;
const MAX_LOSS_CODE = 100_000;

export interface NoticeDeps {
  readonly catalog: Catalog;
  readonly counters: Counters;
  readonly pending: PendingEvents;
  readonly clock: Clock;
  readonly tokenKeys: readonly TokenKey[];
  readonly profiles: ReadonlyMap<string, ExchangeProfile>;
  readonly rates: Rates;
  readonly trustForwardedFor: boolean;
}

/** Handles a notice or beacon. @returns false when the path is none of ours */
export type NoticeHandler = (call: HttpCall, body: Buffer) => boolean;

interface Route {
  readonly type: EventType;
  readonly reply: 'empty' | 'gif' | 'redirect';
}
const routes: Readonly<Record<string, Route>> = {
  '/notice/win/': { type: 'win', reply: 'empty' },
  '/notice/bill/': { type: 'bill', reply: 'empty' },
  '/notice/loss/': { type: 'loss', reply: 'empty' },
  '/event/imp/': { type: 'impression', reply: 'gif' },
  '/event/click/': { type: 'click', reply: 'redirect' },
  '/event/video/': { type: 'video', reply: 'gif' },
};
const videoEvents = new Set(['start', 'firstQuartile', 'midpoint', 'thirdQuartile', 'complete', 'error']);
const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
const noStore = ['Cache-Control', 'no-store'] as const;
const gifReply: Reply = { status: 200, type: 'image/gif', body: GIF, headers: [noStore] };
const emptyReply: Reply = { status: 204, headers: [noStore] };
const tryAgain = errorReply(503, 'not_durable', 'The event could not be stored. Send it again.');

export function createNoticeHandler(deps: NoticeDeps): NoticeHandler {
  const { counters, clock } = deps;
  const readers = new Map<string, PriceReader>(
    [...deps.profiles].map(([name, profile]) => [name, priceReader(profile)]),
  );

  const encrypted = new Set(
    [...deps.profiles.values()].filter(({ price }) => price.scheme === 'google').map(({ name }) => name),
  );

  function refuse(call: HttpCall, type: EventType, status: number, code: string, says: string): void {
    counters.notice(type, code.replace('token_', ''));
    call.send(errorReply(status, code, says));
  }

  function append(call: HttpCall, event: LoggedEvent, bidId: string, reply: Reply): void {
    const startedMs = clock.monotonicMs();
    const taken = deps.pending.append(eventKey(event, bidId), JSON.stringify(event), (durable) => {
      counters.notice(event.type, durable ? 'accepted' : 'not_durable');
      counters.durable((clock.monotonicMs() - startedMs) * 1000);
      call.send(durable ? reply : tryAgain);
    });
    if (taken) return;
    counters.notice(event.type, 'ring_full');
    call.send(tryAgain);
  }

  /** @param stored whether the bid was allowed to store its user: if not, the address is not stored whole either */
  function base(call: HttpCall, type: EventType, token: string, stored: boolean): LoggedEvent {
    const ip = callerIp(call, deps.trustForwardedFor);
    return {
      v: 1,
      type,
      token,
      atMs: clock.nowMs(),
      priceNanos: null,
      lossCode: null,
      minToWinNanos: null,
      ip: stored ? ip : truncateIp(ip),
      ua: call.header('user-agent').slice(0, MAX_UA_CHARS),
      detail: '',
      conversion: null,
    };
  }

  function onToken(call: HttpCall, route: Route, text: string) {
    const token = readToken(text, deps.tokenKeys);
    if (typeof token === 'string')
      return refuse(
        call,
        route.type,
        token === 'forged' ? 401 : 400,
        `token_${token}`,
        'This link was not made by us.',
      );
    const detail = route.type === 'video' ? (queryValue(call.query, 'e') ?? '') : '';
    if (route.type === 'video' && !videoEvents.has(detail)) {
      return refuse(call, route.type, 400, 'unknown_video_event', 'The parameter e does not name a video event.');
    }
    const reply = replyFor(route, token);
    if (reply === null)
      return refuse(call, route.type, 410, 'unknown_creative', 'The creative of this link is not known any more.');
    if (isAudit(queryValue(call.query, 'price'))) {
      // The exchange renders the ad to look at it: there was no auction, so nothing happened.
      counters.notice(route.type, 'audit');
      call.send(reply);
      return;
    }
    const readPrice = readers.get(token.exchange) ?? plainPrice;
    const currency = queryValue(call.query, 'cur') ?? 'USD';
    const account = deps.catalog.currencyOf(token.advertiserId) ?? 'USD';
    const read = (name: string) =>
      times(converted(readPrice(queryValue(call.query, name)), currency, account, deps.rates), call.query);
    const event: LoggedEvent = {
      ...base(call, route.type, text, token.user !== ''),
      priceNanos: read('price') ?? (encrypted.has(token.exchange) ? null : byRatio(call.query, token)),
      lossCode: queryInteger(queryValue(call.query, 'loss'), MAX_LOSS_CODE),
      minToWinNanos: read('mtw'),
      detail,
    };
    append(call, event, token.bidId, reply);
  }

  function replyFor(route: Route, token: BidToken): Reply | null {
    if (route.reply === 'empty') return emptyReply;
    if (route.reply === 'gif') return gifReply;
    const creative = deps.catalog.creative(token.creativeId);
    if (creative === undefined) return null;
    return { status: 302, headers: [['Location', creative.source.landingUrl], noStore] };
  }

  function onConversion(call: HttpCall, body: Buffer) {
    const claim = readConversion(call.query, body);
    if (typeof claim === 'string') return refuse(call, 'conversion', 400, claim, 'The conversion can not be read.');
    let bidId = '';
    let advertiserId = claim.advertiserId;
    let stored = claim.user !== '';
    if (claim.clickId !== '') {
      const token = readToken(claim.clickId, deps.tokenKeys);
      if (typeof token === 'string')
        return refuse(
          call,
          'conversion',
          token === 'forged' ? 401 : 400,
          `token_${token}`,
          'This click id was not made by us.',
        );
      bidId = token.bidId;
      advertiserId = token.advertiserId;
      stored ||= token.user !== '';
    }
    const { user, orderId, valueMicros, currency } = claim;
    const event: LoggedEvent = {
      ...base(call, 'conversion', claim.clickId, stored),
      detail: claim.type,
      conversion: { advertiserId, user, orderId, valueMicros, currency },
    };
    append(call, event, bidId, gifReply);
  }

  return (call, body) => {
    const { path } = call;
    if (path === '/event/conv') {
      onConversion(call, body);
      return true;
    }
    const end = path.indexOf('/', path.indexOf('/', 1) + 1) + 1;
    const route = routes[path.slice(0, end)];
    if (route === undefined) return false;
    if (!['GET', 'HEAD', 'POST'].includes(call.method)) call.send(errorReply(405, 'method_not_allowed', 'Use GET.'));
    else onToken(call, route, path.slice(end));
    return true;
  };
}

/** A price of one impression, times how many the bid bought at once: our own link says it (`qty`). */
function times(nanos: number | null, query: string): number | null {
  if (nanos === null || !query.includes('qty=')) return nanos;
  const quantity = Number(queryValue(query, 'qty') ?? Number.NaN);
  if (!(quantity > 0)) return nanos;
  const total = Math.round(nanos * quantity);
  return total <= MAX_EVENT_NANOS ? total : null;
}

/**
 * The clearing price by the exchange's market bid ratio (`${AUCTION_MBR}`: clearing price through bid), for exchanges that
 * do not say the price itself. Encrypted prices are not asked for it: it would go around the encryption.
 */
function byRatio(query: string, token: BidToken): number | null {
  const ratio = Number(queryValue(query, 'mbr') ?? Number.NaN);
  return ratio > 0 && ratio <= 1 ? Math.round(token.capNanos * ratio) : null;
}

function callerIp(call: HttpCall, trustForwardedFor: boolean): string {
  if (trustForwardedFor) {
    const last = call.header('x-forwarded-for').split(',').at(-1)?.trim() ?? '';
    if (last !== '') return last.slice(0, 64);
  }
  return call.remoteIp().slice(0, 64);
}
