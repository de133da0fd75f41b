/** Why a body could not be read. */
export type ScanFault = 'malformed_json' | 'not_an_object' | 'too_complex';

/** What a value is, and how a text has to be decoded. */
export const TAG = { absent: 0, number: 1, ascii: 2, utf8: 3, escaped: 4, object: 5, list: 6 } as const;

/** Deepest nesting accepted. */
export const MAX_DEPTH = 512;

export const QUOTE = 0x22;
const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
export const OPEN_LIST = 0x5b;
export const CLOSE_LIST = 0x5d;

/**
 * Moves through the bytes of a JSON text, checking its grammar as `JSON.parse` does and making no objects. The byte
 * after the text must be 0: it stops every loop without a bounds check.
 */
export class JsonCursor {
  protected bytes: Buffer = Buffer.alloc(1);
  protected at = 0;
  protected depth = 0;
  protected fault: ScanFault | null = null;
  /** The number just read. */
  protected numberValue = 0;
  // Of the text just read: its first byte, its end, and how it has to be decoded.
  protected textStart = 0;
  protected textEnd = 0;
  protected textTag = 0;

  /** @param bytes holds the text in [0, length) and one more byte, which is overwritten */
  protected startAt(bytes: Buffer, length: number): void {
    bytes[length] = 0;
    this.bytes = bytes;
    this.at = 0;
    this.depth = 0;
    this.fault = null;
  }

  protected fail(fault: ScanFault): false {
    this.fault ??= fault;
    return false;
  }

  /** Moves past white space. @returns the byte there, 0 at the end */
  protected skipSpace(): number {
    const bytes = this.bytes;
    let at = this.at;
    let byte = bytes[at]!;
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++at]!;
    this.at = at;
    return byte;
  }

  /** Reads a number of JSON's grammar, exactly as `JSON.parse` would. */
  protected readNumber(): boolean {
    const bytes = this.bytes;
    const start = this.at;
    let at = start;
    let byte = bytes[at]!;
    const negative = byte === 0x2d;
    if (negative) byte = bytes[++at]!;
    const digitsFrom = at;
    let mantissa = 0;
    while (byte >= 0x30 && byte <= 0x39) {
      mantissa = mantissa * 10 + byte - 0x30;
      byte = bytes[++at]!;
    }
    let digits = at - digitsFrom;
    if (digits === 0 || (digits > 1 && bytes[digitsFrom] === 0x30)) return false;
    let scale = 0;
    if (byte === 0x2e) {
      byte = bytes[++at]!;
      const fractionFrom = at;
      while (byte >= 0x30 && byte <= 0x39) {
        mantissa = mantissa * 10 + byte - 0x30;
        byte = bytes[++at]!;
      }
      scale = at - fractionFrom;
      if (scale === 0) return false;
      digits += scale;
    }
    const hasExponent = byte === 0x65 || byte === 0x45;
    if (hasExponent) {
      byte = bytes[++at]!;
      if (byte === 0x2b || byte === 0x2d) byte = bytes[++at]!;
      const exponentFrom = at;
      while (byte >= 0x30 && byte <= 0x39) byte = bytes[++at]!;
      if (at === exponentFrom) return false;
    }
    this.at = at;
    // A mantissa below 2^53 over a power of ten up to 10^22 is one correctly rounded division (Clinger 1990).
    if (digits <= 15 && !hasExponent) {
      const magnitude = scale === 0 ? mantissa : mantissa / POWERS[scale]!;
      this.numberValue = negative ? -magnitude : magnitude;
    } else this.numberValue = Number(bytes.latin1Slice(start, at));
    return true;
  }

  /** Reads a text whose opening quote is the current byte. */
  protected readText(): boolean {
    const bytes = this.bytes;
    let at = this.at + 1;
    const start = at;
    let high = 0;
    let escaped = false;
    for (;;) {
      const byte = bytes[at]!;
      if (byte === QUOTE) break;
      if (byte < 0x20) return false;
      if (byte === BACKSLASH) {
        escaped = true;
        at = this.#skipEscape(at + 1);
        if (at < 0) return false;
        continue;
      }
      high |= byte;
      at++;
    }
    this.textStart = start;
    this.textEnd = at;
    this.textTag = escaped ? TAG.escaped : high >= 0x80 ? TAG.utf8 : TAG.ascii;
    this.at = at + 1;
    return true;
  }

  /** @returns the position after the escape whose letter is at `at`, or -1 */
  #skipEscape(at: number): number {
    const letter = this.bytes[at]!;
    if (letter !== 0x75) return ESCAPES.includes(letter) ? at + 1 : -1;
    for (let i = 1; i <= 4; i++) if (!isHexDigit(this.bytes[at + i]!)) return -1;
    return at + 5;
  }

  /** Moves past one value, checking its grammar. `byte` is the current byte. */
  protected skipValue(byte: number): boolean {
    if (byte === QUOTE) return this.readText();
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) return this.#skipNested(byte);
    if (byte === 0x74) return this.#skipWord(TRUE);
    if (byte === 0x66) return this.#skipWord(FALSE);
    if (byte === 0x6e) return this.#skipWord(NULL);
    return this.readNumber();
  }

  #skipWord(word: Uint8Array): boolean {
    for (let i = 0; i < word.length; i++) if (this.bytes[this.at + i] !== word[i]) return false;
    this.at += word.length;
    return true;
  }

  #skipNested(open: number): boolean {
    if (++this.depth > MAX_DEPTH) return this.fail('too_complex');
    const isObject = open === OPEN_OBJECT;
    const close = isObject ? CLOSE_OBJECT : CLOSE_LIST;
    this.at++;
    let byte = this.skipSpace();
    if (byte === close) this.at++;
    else {
      for (;;) {
        if (isObject) {
          if (byte !== QUOTE || !this.readText() || this.skipSpace() !== COLON) return false;
          this.at++;
          byte = this.skipSpace();
        }
        if (!this.skipValue(byte)) return false;
        byte = this.skipSpace();
        this.at++;
        if (byte === close) break;
        if (byte !== COMMA) return false;
        byte = this.skipSpace();
      }
    }
    this.depth--;
    return true;
  }
}

const POWERS = Float64Array.from({ length: 16 }, (_, i) => 10 ** i);
/** `"`, `\`, `/`, b, f, n, r, t */
const ESCAPES = [0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74];
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}
