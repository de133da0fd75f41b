import { timingSafeEqual } from 'node:crypto';
import { hexToWords } from './hex.ts';
import { createHmacSha256, HMAC_ROOM_BYTES, type Hmac } from './hmac.ts';
import { BID_ID_BYTES, BID_ID_WORDS, MAX_ENTITY_ID } from './ids.ts';
import type { Nanos } from './money.ts';

/**
 * What a signed token says about one bid. It is the only thing a notice or a beacon brings back that we believe, so it
 * carries everything reports and billing need: nothing has to be joined to a log of bids later.
 */
export interface BidToken {
  /** 12 bytes as 24 hex digits; the first 8 digits are the node incarnation. */
  readonly bidId: string;
  /** When the auction ran, milliseconds since the epoch. Spend is booked to this time. */
  readonly bidAtMs: number;
  /** The most the bid may cost; a higher clearing price is billed at this cap. */
  readonly capNanos: Nanos;
  readonly advertiserId: number;
  readonly campaignId: number;
  readonly lineItemId: number;
  readonly creativeId: number;
  /** Which notice bills: decided by the exchange profile when the bid was made. */
  readonly billingEvent: BillingEvent;
  /** An OpenRTB `test: 1` bid: answered, never billed. */
  readonly test: boolean;
  /** First 8 bytes of a salted hash of the user id as 16 hex digits; '' without consent or id. */
  readonly user: string;
  readonly exchange: string;
  readonly dealId: string;
  /** Site domain or app bundle. */
  readonly domain: string;
  /** ISO-3166-1 alpha-3, '' when unknown. */
  readonly country: string;
  readonly region: string;
  readonly os: string;
  /** AdCOM device type, 0 when unknown. */
  readonly deviceType: number;
  /** OpenRTB mtype: 1 banner, 2 video, 3 audio, 4 native. */
  readonly mtype: number;
  readonly w: number;
  readonly h: number;
}

/** A token whose ids are numbers: on the bid path, making texts of them costs more than their signature. */
export interface TokenNumbers extends Omit<BidToken, 'bidId' | 'user'> {
  /** Three words. */
  readonly bidId: Uint32Array;
  /** Two words. */
  readonly user: Uint32Array;
  /** Whether `user` is somebody. */
  readonly hasUser: boolean;
}

export const billingEvents = ['win', 'bill', 'impression'] as const;
export type BillingEvent = (typeof billingEvents)[number];

/** A signing key: `id` (0–255) travels in the token so that keys can rotate with two active. */
export interface TokenKey {
  readonly id: number;
  readonly secret: Uint8Array;
}

const VERSION = 1;
const MAC_BYTES = 16;
const FIXED_BYTES = 2 + 1 + BID_ID_BYTES + 6 + 6 + 4 * 4 + 1 + 1 + 2 + 2;
/** Longest text field kept, bytes; longer ones are cut so that a URL stays short. */
const MAX_TEXT_BYTES = 64;
/** Longest token accepted, base64url characters. */
export const MAX_TOKEN_CHARS = 900;

const scratch = Buffer.alloc(MAX_TOKEN_CHARS + HMAC_ROOM_BYTES);
const mac = Buffer.alloc(MAC_BYTES);
const signed = Buffer.alloc(MAX_TOKEN_CHARS);
const DIGITS = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
const hmacs = new WeakMap<Uint8Array, Hmac>();

/** The prepared signer of a key: a key's bytes never change. */
function hmacOf(key: TokenKey): Hmac {
  let hmac = hmacs.get(key.secret);
  if (hmac === undefined) {
    hmac = createHmacSha256(key.secret);
    hmacs.set(key.secret, hmac);
  }
  return hmac;
}

/**
 * Signs a token: base64url of version, key id, fields, and the first 16 bytes of their HMAC-SHA-256.
 * About 140 characters for a typical bid. Text fields longer than 64 bytes are cut.
 */
export function signToken(token: BidToken, key: TokenKey): string {
  hexToWords(token.bidId, idWords);
  hexToWords(token.user, userWords);
  const numbers = { ...token, bidId: idWords, user: userWords, hasUser: token.user !== '' };
  return signed.latin1Slice(0, writeToken(numbers, key, signed, 0));
}
const idWords = new Uint32Array(BID_ID_WORDS);
const userWords = new Uint32Array(2);

/**
 * The same into a buffer, without making a text: what the bid path does.
 * @param out must have room for MAX_TOKEN_CHARS from `outAt` on
 * @returns the position after the token
 */
export function writeToken(token: TokenNumbers, key: TokenKey, out: Uint8Array, outAt: number): number {
  let at = writeFixed(token, key.id);
  if (token.hasUser) at = writeWords(token.user, 2, at);
  at = writeText(token.exchange, at);
  at = writeText(token.dealId, at);
  at = writeText(token.domain, at);
  at = writeText(token.country, at);
  at = writeText(token.region, at);
  at = writeText(token.os, at);
  // The padding goes where the signature then goes.
  hmacOf(key).sign(scratch, at, MAC_BYTES / 4, mac, 0);
  for (let i = 0; i < MAC_BYTES; i++) scratch[at + i] = mac[i]!;
  return writeBase64url(scratch, at + MAC_BYTES, out, outAt);
}

/** Why a token was not believed. */
export type TokenFault = 'malformed' | 'forged';

/**
 * Reads a token and checks its signature in constant time. Whether it has expired is the caller's question
 * (`bidAtMs`), because notices and clicks have different horizons.
 */
export function readToken(text: string, keys: readonly TokenKey[]): BidToken | TokenFault {
  if (text.length > MAX_TOKEN_CHARS || text.length < FIXED_BYTES + MAC_BYTES) return 'malformed';
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length < FIXED_BYTES + MAC_BYTES || bytes[0] !== VERSION) return 'malformed';
  if (bytes.toString('base64url') !== text) return 'malformed';
  const key = keys.find((candidate) => candidate.id === bytes[1]);
  if (key === undefined) return 'forged';
  const end = bytes.length - MAC_BYTES;
  bytes.copy(scratch, 0, 0, end);
  hmacOf(key).sign(scratch, end, MAC_BYTES / 4, mac, 0);
  if (!timingSafeEqual(mac, bytes.subarray(end))) return 'forged';
  return readFields(bytes, end) ?? 'malformed';
}

/** The node incarnation that made the bid: it holds the reservation. */
export function nodeOfBidId(bidId: string): number {
  return Number.parseInt(bidId.slice(0, 8), 16);
}

function writeFixed(token: TokenNumbers, keyId: number): number {
  const billing = billingEvents.indexOf(token.billingEvent);
  scratch[0] = VERSION;
  scratch[1] = keyId;
  scratch[2] = billing | (token.test ? 4 : 0) | (token.hasUser ? 8 : 0);
  let at = writeWords(token.bidId, BID_ID_WORDS, 3);
  at = write48(token.bidAtMs, at);
  at = write48(token.capNanos, at);
  at = write32(token.advertiserId, at);
  at = write32(token.campaignId, at);
  at = write32(token.lineItemId, at);
  at = write32(token.creativeId, at);
  scratch[at++] = token.deviceType;
  scratch[at++] = token.mtype;
  at = write16(Math.min(token.w, 0xffff), at);
  return write16(Math.min(token.h, 0xffff), at);
}

// Byte by byte: the methods of Buffer are looked up and check their arguments at every call, which costs more than writing.
function write16(value: number, at: number): number {
  scratch[at] = value >>> 8;
  scratch[at + 1] = value;
  return at + 2;
}

function write32(value: number, at: number): number {
  scratch[at] = value >>> 24;
  scratch[at + 1] = value >>> 16;
  scratch[at + 2] = value >>> 8;
  scratch[at + 3] = value;
  return at + 4;
}

/** @param value a whole number below 2^48 */
function write48(value: number, at: number): number {
  return write32(value >>> 0, write16(Math.floor(value / 0x1_0000_0000), at));
}

function writeWords(words: Uint32Array, count: number, from: number): number {
  let at = from;
  for (let i = 0; i < count; i++) at = write32(words[i]!, at);
  return at;
}

function writeText(text: string, at: number): number {
  const chars = Math.min(text.length, MAX_TEXT_BYTES);
  for (let i = 0; i < chars; i++) {
    const char = text.charCodeAt(i);
    if (char > 0x7f) return writeLongText(text, at);
    scratch[at + 1 + i] = char;
  }
  scratch[at] = chars;
  return at + 1 + chars;
}

function writeLongText(text: string, at: number): number {
  // Buffer.write never splits a character, so a cut field is still valid UTF-8.
  const length = scratch.write(text, at + 1, MAX_TEXT_BYTES, 'utf8');
  scratch[at] = length;
  return at + 1 + length;
}

/** @returns the position after `bytes[0, length)` as base64url without padding */
function writeBase64url(bytes: Uint8Array, length: number, out: Uint8Array, outAt: number): number {
  let at = outAt;
  let i = 0;
  for (; i + 2 < length; i += 3) {
    const three = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    out[at] = DIGITS[three >>> 18]!;
    out[at + 1] = DIGITS[(three >>> 12) & 63]!;
    out[at + 2] = DIGITS[(three >>> 6) & 63]!;
    out[at + 3] = DIGITS[three & 63]!;
    at += 4;
  }
  if (i === length) return at;
  const rest = (bytes[i]! << 16) | (i + 1 < length ? bytes[i + 1]! << 8 : 0);
  out[at++] = DIGITS[rest >>> 18]!;
  out[at++] = DIGITS[(rest >>> 12) & 63]!;
  if (i + 1 < length) out[at++] = DIGITS[(rest >>> 6) & 63]!;
  return at;
}

function readFields(bytes: Buffer, end: number): BidToken | null {
  const flags = bytes[2]!;
  const billingEvent = billingEvents[flags & 3];
  if (billingEvent === undefined) return null;
  let at = 3;
  const bidId = bytes.toString('hex', at, at + BID_ID_BYTES);
  at += BID_ID_BYTES;
  const bidAtMs = bytes.readUIntBE(at, 6);
  const capNanos = bytes.readUIntBE(at + 6, 6);
  at += 12;
  const ids = [0, 4, 8, 12].map((offset) => bytes.readUInt32BE(at + offset));
  if (ids.some((id) => id > MAX_ENTITY_ID)) return null;
  at += 16;
  const [deviceType, mtype] = [bytes[at]!, bytes[at + 1]!];
  const [w, h] = [bytes.readUInt16BE(at + 2), bytes.readUInt16BE(at + 4)];
  at += 6;
  let user = '';
  if ((flags & 8) !== 0) {
    user = bytes.toString('hex', at, at + 8);
    at += 8;
  }
  const texts: string[] = [];
  for (let i = 0; i < 6; i++) {
    if (at >= end || at + 1 + bytes[at]! > end) return null;
    texts.push(bytes.toString('utf8', at + 1, at + 1 + bytes[at]!));
    at += 1 + bytes[at]!;
  }
  if (at !== end) return null;
  const [advertiserId, campaignId, lineItemId, creativeId] = ids as [number, number, number, number];
  const [exchange, dealId, domain, country, region, os] = texts as [string, string, string, string, string, string];
  return {
    bidId,
    bidAtMs,
    capNanos,
    advertiserId,
    campaignId,
    lineItemId,
    creativeId,
    billingEvent,
    test: (flags & 4) !== 0,
    user,
    exchange,
    dealId,
    domain,
    country,
    region,
    os,
    deviceType,
    mtype,
    w,
    h,
  };
}
