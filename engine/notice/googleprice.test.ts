import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readGooglePrice, writeGooglePrice } from './googleprice.ts';

// Keys and samples published by Google with its guide (Authorized Buyers, "Decrypt Price Confirmations"). Compared with
// the tests of independent readers that carry the same ones: github.com/danielhedren/doubleclickcrypto (Python) and a Go
// `price.NewCrypter` that names the guide.
const encryptionKey = Buffer.from('skU7Ax_NL5pPAFyKdkfZjZz2-VhIN8bjj1rVFOaJ_5o=', 'base64url');
const integrityKey = Buffer.from('arO23ykdNqUQ5LEoQ0FVmPkBd7xB5CO89PDZlSjpFxo=', 'base64url');

describe('prices encrypted as Google does', () => {
  it.each([
    ['YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw', 100],
    ['YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCAWJRxOgA', 1900],
    ['YWJjMTIzZGVmNDU2Z2hpN7fhCuPemC32prpWWw', 2700],
  ])('reads %s as %i micros', (text, micros) => {
    expect(readGooglePrice(text, encryptionKey, integrityKey)).toBe(micros);
    expect(readGooglePrice(`${text}==`, encryptionKey, integrityKey)).toBe(micros);
    const iv = Buffer.from('abc123def456ghi7');
    expect(writeGooglePrice(micros, iv, encryptionKey, integrityKey)).toBe(text);
  });

  it('believes no changed or arbitrary text', () => {
    const valid = Buffer.from('YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw', 'base64url');
    fc.assert(
      fc.property(fc.nat(27), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(valid);
        changed[at] = changed[at]! ^ change;
        expect(readGooglePrice(changed.toString('base64url'), encryptionKey, integrityKey)).toBeNull();
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(readGooglePrice(text, encryptionKey, integrityKey)).toBeNull();
      }),
    );
  });

  it('refuses the wrong key', () => {
    expect(readGooglePrice('YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw', integrityKey, encryptionKey)).toBeNull();
  });
});
