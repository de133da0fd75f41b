import { hexPairs, wordsToHex } from '../../core/hex.ts';
import { BID_ID_WORDS } from '../../core/ids.ts';
import type { Bid } from '../auction/auction.ts';
import type { ExchangeProfile } from '../config.ts';
import { createFillings, FILL, fill, fillBytes, templateBytes, writeTemplate } from '../creative/template.ts';
import { clockTime } from '../creative/vast.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import { createPrefixes } from './prefixes.ts';

const ID = shapes.REQUEST.f.id;
const IMP_ID = shapes.IMP.f.id;
/** Room for everything of a bid that is not its template: ids, price, deal. */
const BID_OVERHEAD_BYTES = 4096;
const QUOTE = 0x22;

/** Writes a BidResponse into one persistent buffer. */
export interface ResponseWriter {
  begin(scan: RequestScan, profile: ExchangeProfile, currency: string): void;
  /** @param bidId three words @param token as bytes; they are copied */
  add(scan: RequestScan, bid: Bid, bidId: Uint32Array, token: Uint8Array): void;
  /** @returns the response; valid until the next `begin` */
  end(): Uint8Array;
  /** A response that only says why there is no bid. */
  noBid(scan: RequestScan, nbr: number): Uint8Array;
}

export function createResponseWriter(): ResponseWriter {
  let out = Buffer.alloc(256 * 1024);
  const fillings = createFillings();
  const prefix = createPrefixes();
  let at = 0;
  let count = 0;
  let profile: ExchangeProfile | null = null;
  let currency = '';
  /** What our links say of money in the present bid: its currency and how many impressions it buys. */
  let money = '';
  /** How the list of bids begins for a seat. */
  let seat: string | null = null;
  let seatBid = Buffer.alloc(0);

  function reserve(bytes: number): void {
    if (at + bytes <= out.length) return;
    const larger = Buffer.alloc(Math.max(out.length * 2, at + bytes));
    out.copy(larger, 0, 0, at);
    out = larger;
  }

  /** A short text of ASCII alone: for those a loop is quicker than a call of native code. */
  function literal(text: string): void {
    for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i);
    at += text.length;
  }

  function hex(words: Uint32Array): void {
    for (let i = 0; i < BID_ID_WORDS; i++) {
      for (let shift = 24; shift >= 0; shift -= 8) {
        const pair = hexPairs[(words[i]! >>> shift) & 255]!;
        out[at++] = pair & 255;
        out[at++] = pair >> 8;
      }
    }
  }

  /** A whole number above 0. */
  function digits(number: number): void {
    let end = at;
    for (let rest = number; rest >= 1; rest = Math.floor(rest / 10)) end++;
    for (let rest = number, i = end - 1; i >= at; i--) {
      const tenth = Math.floor(rest / 10);
      out[i] = 0x30 + rest - tenth * 10;
      rest = tenth;
    }
    at = end;
  }

  /** A text as JSON. Escaping makes a byte at most six. */
  function quoted(text: string): void {
    reserve(BID_OVERHEAD_BYTES + text.length * 6);
    at += out.write(JSON.stringify(text), at);
  }

  /** A text of the request as JSON: the bytes that came where they may be sent back as they are. */
  function echoed(scan: RequestScan, node: number, field: number): void {
    const bytes = scan.asciiBytes(node, field);
    if (bytes < 0) {
      quoted(scan.text(node, field));
      return;
    }
    reserve(BID_OVERHEAD_BYTES + bytes);
    out[at] = QUOTE;
    scan.copyAscii(node, field, out, at + 1);
    out[at + bytes + 1] = QUOTE;
    at += bytes + 2;
  }

  function start(scan: RequestScan): void {
    at = 0;
    count = 0;
    literal('{"id":');
    echoed(scan, scan.root, ID);
  }

  return {
    begin(scan, exchange, inCurrency) {
      profile = exchange;
      currency = inCurrency;
      money = currency === 'USD' ? '' : `&cur=${currency}`;
      fill(fillings, FILL.currency, money);
      start(scan);
      if (exchange.seat !== seat) {
        seat = exchange.seat;
        seatBid = Buffer.from(`,"seatbid":[{${seat === '' ? '' : `"seat":${JSON.stringify(seat)},`}"bid":[`);
      }
      reserve(BID_OVERHEAD_BYTES + seatBid.length);
      out.set(seatBid, at);
      at += seatBid.length;
    },
    add(scan, bid, bidId, token) {
      const template = bid.creative.templateFor(profile!, bid.variant);
      fillBytes(fillings, FILL.token, token);
      reserve(BID_OVERHEAD_BYTES);
      if (bid.creative.durationSeconds > 0) {
        fill(fillings, FILL.bidId, wordsToHex(bidId));
        if (bid.skipAfterSeconds >= 0) fill(fillings, FILL.skipAfter, clockTime(bid.skipAfterSeconds));
      }
      fill(fillings, FILL.assets, bid.assets);
      if (bid.quantity !== 1) fill(fillings, FILL.currency, `${money}&qty=${bid.quantity}`);
      literal(count++ === 0 ? '{"id":"' : ',{"id":"');
      hex(bidId);
      literal('","impid":');
      echoed(scan, bid.impNode, IMP_ID);
      literal(',"price":');
      literal(bid.cpm);
      literal(',"cid":"');
      digits(bid.line.campaignId);
      literal('"');
      if (bid.dealId !== '') {
        literal(',"dealid":');
        quoted(bid.dealId);
      }
      reserve(BID_OVERHEAD_BYTES + templateBytes(template, fillings));
      at = writeTemplate(template, fillings, out, at);
      literal('}');
      if (bid.quantity !== 1) fill(fillings, FILL.currency, money);
    },
    end() {
      reserve(BID_OVERHEAD_BYTES);
      literal(']}],"cur":"');
      literal(currency);
      literal('"}');
      return prefix(out, at);
    },
    noBid(scan, nbr) {
      start(scan);
      literal(`,"nbr":${nbr}}`);
      return out.subarray(0, at);
    },
  };
}
