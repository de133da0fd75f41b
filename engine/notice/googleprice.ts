import { createHmac, timingSafeEqual } from 'node:crypto';
import { MAX_EVENT_NANOS, type Nanos } from '../../core/money.ts';

const IV_BYTES = 16;
const PRICE_BYTES = 8;
const SIGNATURE_BYTES = 4;
const MESSAGE = /^[A-Za-z0-9_-]{38}(==)?$/;

/**
 * Reads a price encrypted as Google's exchanges do: 16 bytes of initialization vector, 8 bytes of price XORed with
 * HMAC-SHA1(encryption key, iv), and the first 4 bytes of HMAC-SHA1(integrity key, price + iv); all in base64url.
 * The price is a CPM in micros, which is the nanos of one impression.
 * Source: https://developers.google.com/authorized-buyers/rtb/response-guide/decrypt-price
 * @returns null when it is malformed or its signature is wrong
 */
export function readGooglePrice(text: string, encryptionKey: Uint8Array, integrityKey: Uint8Array): Nanos | null {
  if (!MESSAGE.test(text)) return null;
  const message = Buffer.from(text, 'base64url');
  if (message.length !== IV_BYTES + PRICE_BYTES + SIGNATURE_BYTES) return null;
  const iv = message.subarray(0, IV_BYTES);
  const pad = createHmac('sha1', encryptionKey).update(iv).digest();
  const price = Buffer.alloc(PRICE_BYTES);
  for (let i = 0; i < PRICE_BYTES; i++) price[i] = message[IV_BYTES + i]! ^ pad[i]!;
  const signature = createHmac('sha1', integrityKey).update(price).update(iv).digest().subarray(0, SIGNATURE_BYTES);
  if (!timingSafeEqual(signature, message.subarray(IV_BYTES + PRICE_BYTES))) return null;
  const micros = price.readBigUInt64BE();
  return micros <= BigInt(MAX_EVENT_NANOS) ? Number(micros) : null;
}

/** Encrypts a price as `readGooglePrice` reads it: for simulations and tests. */
export function writeGooglePrice(
  nanos: Nanos,
  iv: Uint8Array,
  encryptionKey: Uint8Array,
  integrityKey: Uint8Array,
): string {
  const price = Buffer.alloc(PRICE_BYTES);
  price.writeBigUInt64BE(BigInt(nanos));
  const pad = createHmac('sha1', encryptionKey).update(iv).digest();
  const signature = createHmac('sha1', integrityKey).update(price).update(iv).digest().subarray(0, SIGNATURE_BYTES);
  const hidden = price.map((byte, i) => byte ^ pad[i]!);
  return Buffer.concat([iv, hidden, signature]).toString('base64url');
}
