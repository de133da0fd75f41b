// The scanner of bid requests in AssemblyScript, compiled to WebAssembly by `npm run generate` (scripts/wasm.mjs):
// 16 bytes of a text are looked at by one instruction, which JavaScript can not do. `scan.ts` is its other half: it
// lays out the memory below, copies a body in, and reads what was kept.
//
// It checks the grammar of the whole body as JSON.parse does, keeps the fields of `shapes.ts`, and the last of repeated
// keys wins. It never reads outside its own memory; the byte after the body is 0 and ends every loop.

// What is rare is left to scan.ts.
@external("env", "parseNumber")
declare function parseNumber(start: i32, end: i32): f64;
@external("env", "numberOfEscaped")
declare function numberOfEscaped(start: i32, end: i32): f64;
@external("env", "fieldOfEscaped")
declare function fieldOfEscaped(shape: i32, start: i32, end: i32): i32;

// Tags of cells: what a value is, and how a text has to be decoded.
const ABSENT: i32 = 0;
const NUMBER: i32 = 1;
const ASCII: i32 = 2;
const UTF8: i32 = 3;
const ESCAPED: i32 = 4;
const OBJECT: i32 = 5;
const LIST: i32 = 6;

// Kinds of fields.
const NUM: i32 = 1;
const TEXT: i32 = 2;
const NUMS: i32 = 3;
const OBJECT_KIND: i32 = 5;
const OBJECTS: i32 = 6;

// Results of a scan.
const READ: i32 = 0;
const MALFORMED: i32 = 1;
const NOT_AN_OBJECT: i32 = 2;
const TOO_COMPLEX: i32 = 3;

const MAX_DEPTH: i32 = 512;
// Of one request; there is room for twice as many, so that one may follow others as long as those need no more than that.
const MAX_CELLS: i32 = 1 << 16;
const MAX_ITEMS: i32 = 1 << 14;
const MAX_SHAPES: i32 = 64;

// A shape: 256 slots by hash of key (field + 1), then per field its kind, its child shape, its key's length, then the
// number of fields, then the keys, 16 bytes each.
const SHAPE_BYTES: i32 = 1024;
const KINDS: i32 = 256;
const CHILDREN: i32 = 288;
const LENGTHS: i32 = 320;
const SIZE: i32 = 352;
const KEYS: i32 = 384;
const MAX_FIELDS: i32 = 32;
const MAX_KEY_BYTES: i32 = 16;

// A cell: value (f64: a number, a text's start, a child's node, a list's first item), extra (i32: a text's end, a
// list's length), tag (i32). An item is a cell and the item after it.
const CELL_BYTES: i32 = 16;
const ITEM_BYTES: i32 = 24;
const EXTRA: i32 = 8;
const TAG: i32 = 12;
const NEXT: i32 = 16;

// A word is a short text that has come before: its length, its number, and from byte 16 its text. One slot per hash.
const WORD_BYTES: i32 = 64;
const WORD_SLOT_BITS: i32 = 12;
const MAX_WORD_LENGTH: i32 = 48;
const NUMBER_AT: i32 = 4;
const TEXT_AT: i32 = 16;

// The compiler keeps its own constants from 1024 on.
const SHAPES_AT: i32 = 4096;
const WORDS_AT: i32 = SHAPES_AT + MAX_SHAPES * SHAPE_BYTES;
const CELLS_AT: i32 = WORDS_AT + (WORD_BYTES << WORD_SLOT_BITS);
const ITEMS_AT: i32 = CELLS_AT + 2 * MAX_CELLS * CELL_BYTES;
/** Where `scan.ts` puts the first body. What follows one must hold 16 bytes more. */
export const BODY_AT: i32 = ITEMS_AT + 2 * MAX_ITEMS * ITEM_BYTES;
export const MAX_WORDS: i32 = 1 << WORD_SLOT_BITS;
export const CELLS: i32 = CELLS_AT;
export const ITEMS: i32 = ITEMS_AT;

const POWERS = memory.data<f64>([
  1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
]);

let at: i32 = 0;
let depth: i32 = 0;
let fault: i32 = 0;
let cells: i32 = 0;
let items: i32 = 1;
// Where the present request has to end.
let cellsEnd: i32 = 0;
let itemsEnd: i32 = 0;
// Numbers given to words.
let words: i32 = 0;
// The number or text just read.
let numberValue: f64 = 0;
let textStart: i32 = 0;
let textEnd: i32 = 0;
let textTag: i32 = 0;

/** Adds a field to a shape; its key stands at BODY_AT, padded with zeros to 16 bytes. */
export function addField(shape: i32, field: i32, length: i32, kind: i32, child: i32): void {
  const base = SHAPES_AT + shape * SHAPE_BYTES;
  const low = load<u64>(BODY_AT);
  store<u64>(base + KEYS + field * MAX_KEY_BYTES, low);
  store<u64>(base + KEYS + field * MAX_KEY_BYTES + 8, load<u64>(BODY_AT + 8));
  store<u8>(base + KINDS + field, kind);
  store<u8>(base + CHILDREN + field, child);
  store<u8>(base + LENGTHS + field, length);
  store<i32>(base + SIZE, max(load<i32>(base + SIZE), field + 1));
  let slot = hashOf(low, length);
  while (load<u8>(base + slot) != 0) slot = (slot + 1) & 255;
  store<u8>(base + slot, field + 1);
}

/** Forgets all requests. */
export function forget(): void {
  cells = 0;
  items = 1;
}

/** Whether another request may follow; its node is then the number this gives, -1 when it may not. */
export function nextNode(): i32 {
  return cells <= MAX_CELLS && items <= MAX_ITEMS ? cells : -1;
}

/** Reads the body of `length` bytes at `start`, behind the requests that were read before. */
export function scan(start: i32, length: i32): i32 {
  const end = start + length;
  const firstCell = cells;
  const firstItem = items;
  cellsEnd = cells + MAX_CELLS;
  itemsEnd = items + MAX_ITEMS - 1;
  store<u8>(end, 0);
  at = start;
  depth = 0;
  fault = MALFORMED;
  const result = readRequest(end);
  if (result != READ) {
    cells = firstCell;
    items = firstItem;
  }
  return result;
}

function readRequest(end: i32): i32 {
  const first = skipSpace();
  if (first != 0x7b) {
    if (!skipValue(first)) return fault;
    return skipSpace() == 0 && at == end ? NOT_AN_OBJECT : MALFORMED;
  }
  if (readObject(0) < 0) return fault;
  skipSpace();
  return at == end ? READ : MALFORMED;
}

/**
 * The number of the text in [start, end), from 1 to MAX_WORDS, which is the same when it comes again; 0 for one that is
 * empty or too long. A number that has stood for another text until now is given as its negative.
 */
export function wordOf(start: i32, end: i32): i32 {
  const length = end - start;
  if (<u32>(length - 1) >= <u32>MAX_WORD_LENGTH) return 0;
  let hash = <u64>length;
  let p = start;
  let rest = length;
  for (; rest > 8; rest -= 8, p += 8) hash = folded(hash, load<u64>(p));
  const last = load<u64>(p) & (~(<u64>0) >> (<u64>(8 - rest) << 3));
  const slot = WORDS_AT + <i32>(folded(hash, last) >> (64 - WORD_SLOT_BITS)) * WORD_BYTES;
  if (load<i32>(slot) == length) {
    let q = slot + TEXT_AT;
    for (p = start, rest = length; rest > 8 && load<u64>(p) == load<u64>(q); rest -= 8, p += 8) q += 8;
    if (rest <= 8 && load<u64>(q) == last) return load<i32>(slot + NUMBER_AT);
  }
  const before = load<i32>(slot + NUMBER_AT);
  if (before == 0) store<i32>(slot + NUMBER_AT, ++words);
  store<i32>(slot, length);
  let q = slot + TEXT_AT;
  for (p = start, rest = length; rest > 8; rest -= 8, p += 8, q += 8) store<u64>(q, load<u64>(p));
  store<u64>(q, last);
  return before == 0 ? words : -before;
}

function folded(hash: u64, eight: u64): u64 {
  const product = (hash ^ eight) * 0x9e3779b97f4a7c15;
  return product ^ (product >> 32);
}

function tooComplex(): bool {
  fault = TOO_COMPLEX;
  return false;
}

function hashOf(low: u64, length: i32): i32 {
  return <i32>(((low ^ <u64>length) * 0x9e3779b97f4a7c15) >> 56);
}

/** The field of a key, -1 when it is not kept. */
function findKey(base: i32, start: i32, length: i32): i32 {
  if (<u32>(length - 1) >= <u32>MAX_KEY_BYTES) return -1;
  let low = load<u64>(start);
  let high: u64 = 0;
  if (length < 8) low &= (<u64>1 << (<u64>length << 3)) - 1;
  else if (length == 16) high = load<u64>(start + 8);
  else high = load<u64>(start + 8) & ((<u64>1 << (<u64>(length - 8) << 3)) - 1);
  let slot = hashOf(low, length);
  let entry = <i32>load<u8>(base + slot);
  while (entry != 0) {
    const key = base + KEYS + (entry - 1) * MAX_KEY_BYTES;
    if (load<u64>(key) == low && load<u64>(key + 8) == high && <i32>load<u8>(base + LENGTHS + entry - 1) == length) {
      return entry - 1;
    }
    slot = (slot + 1) & 255;
    entry = load<u8>(base + slot);
  }
  return -1;
}

/** Moves past white space and gives the byte there, 0 at the end. */
function skipSpace(): i32 {
  let p = at;
  let byte = <i32>load<u8>(p);
  while (byte <= 0x20 && (byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09)) byte = load<u8>(++p);
  at = p;
  return byte;
}

function isDigit(byte: i32): bool {
  return <u32>(byte - 0x30) < 10;
}

function readNumber(): bool {
  const start = at;
  let p = start;
  let byte = <i32>load<u8>(p);
  const negative = byte == 0x2d;
  if (negative) byte = load<u8>(++p);
  const digitsFrom = p;
  let mantissa: u64 = 0;
  while (isDigit(byte)) {
    mantissa = mantissa * 10 + <u64>(byte - 0x30);
    byte = load<u8>(++p);
  }
  let digits = p - digitsFrom;
  if (digits == 0 || (digits > 1 && load<u8>(digitsFrom) == 0x30)) return false;
  let scale = 0;
  if (byte == 0x2e) {
    byte = load<u8>(++p);
    const fractionFrom = p;
    while (isDigit(byte)) {
      mantissa = mantissa * 10 + <u64>(byte - 0x30);
      byte = load<u8>(++p);
    }
    scale = p - fractionFrom;
    if (scale == 0) return false;
    digits += scale;
  }
  const hasExponent = byte == 0x65 || byte == 0x45;
  if (hasExponent) {
    byte = load<u8>(++p);
    if (byte == 0x2b || byte == 0x2d) byte = load<u8>(++p);
    const exponentFrom = p;
    while (isDigit(byte)) byte = load<u8>(++p);
    if (p == exponentFrom) return false;
  }
  at = p;
  // A mantissa below 2^53 over a power of ten up to 10^22 is one correctly rounded division (Clinger 1990).
  if (digits <= 15 && !hasExponent) {
    const whole = <f64>(<i64>mantissa);
    const magnitude = scale == 0 ? whole : whole / load<f64>(POWERS + (scale << 3));
    numberValue = negative ? -magnitude : magnitude;
  } else numberValue = parseNumber(start, p);
  return true;
}

/** Reads a text whose opening quote is the current byte. */
function readText(): bool {
  const start = at + 1;
  let p = start;
  let high: i32 = 0;
  let escaped = false;
  for (;;) {
    const chunk = v128.load(p);
    // A quote, a backslash, or what may not stand in a text.
    const stops = i8x16.bitmask(
      v128.or(
        v128.or(i8x16.eq(chunk, i8x16.splat(0x22)), i8x16.eq(chunk, i8x16.splat(0x5c))),
        i8x16.le_u(chunk, i8x16.splat(0x1f)),
      ),
    );
    const highs = i8x16.bitmask(chunk);
    if (stops == 0) {
      high |= highs;
      p += 16;
      continue;
    }
    const skip = ctz(stops);
    high |= highs & ((1 << skip) - 1);
    p += skip;
    const byte = <i32>load<u8>(p);
    if (byte == 0x22) break;
    if (byte != 0x5c) return false;
    escaped = true;
    p = skipEscape(p + 1);
    if (p == 0) return false;
  }
  textStart = start;
  textEnd = p;
  textTag = escaped ? ESCAPED : high != 0 ? UTF8 : ASCII;
  at = p + 1;
  return true;
}

/** The position after the escape whose letter is at `p`, or 0. */
function skipEscape(p: i32): i32 {
  const letter = <i32>load<u8>(p);
  if (letter == 0x75) {
    for (let i = 1; i <= 4; i++) if (!isHexDigit(load<u8>(p + i))) return 0;
    return p + 5;
  }
  // `"`, `\`, `/`, b, f, n, r, t
  const known =
    letter == 0x22 || letter == 0x5c || letter == 0x2f || letter == 0x62 ||
    letter == 0x66 || letter == 0x6e || letter == 0x72 || letter == 0x74;
  return known ? p + 1 : 0;
}

function isHexDigit(byte: i32): bool {
  return isDigit(byte) || <u32>((byte | 0x20) - 0x61) < 6;
}

/** Moves past one value, checking its grammar. `byte` is the current byte. */
function skipValue(byte: i32): bool {
  if (byte == 0x22) return readText();
  if (byte == 0x7b) return skipObject();
  if (byte == 0x5b) return skipList();
  if (byte == 0x74) return skipWord(0x65757274);
  if (byte == 0x6e) return skipWord(0x6c6c756e);
  if (byte == 0x66) {
    at++;
    return skipWord(0x65736c61);
  }
  return readNumber();
}

/** Moves past `true`, `null` or the end of `false`: four letters as the number they are in memory. */
function skipWord(letters: u32): bool {
  if (load<u32>(at) != letters) return false;
  at += 4;
  return true;
}

function skipObject(): bool {
  if (++depth > MAX_DEPTH) return tooComplex();
  at++;
  let byte = skipSpace();
  if (byte == 0x7d) at++;
  else {
    for (;;) {
      if (byte != 0x22 || !readText() || skipSpace() != 0x3a) return false;
      at++;
      if (!skipValue(skipSpace())) return false;
      byte = skipSpace();
      at++;
      if (byte == 0x7d) break;
      if (byte != 0x2c) return false;
      byte = skipSpace();
    }
  }
  depth--;
  return true;
}

function skipList(): bool {
  if (++depth > MAX_DEPTH) return tooComplex();
  at++;
  let byte = skipSpace();
  if (byte == 0x5d) at++;
  else {
    for (;;) {
      if (!skipValue(byte)) return false;
      byte = skipSpace();
      at++;
      if (byte == 0x5d) break;
      if (byte != 0x2c) return false;
      byte = skipSpace();
    }
  }
  depth--;
  return true;
}

/** Reads an object whose opening brace is the current byte. Gives its node, or -1. */
function readObject(shape: i32): i32 {
  const base = SHAPES_AT + shape * SHAPE_BYTES;
  const node = cells;
  const size = load<i32>(base + SIZE);
  if (node + size > cellsEnd || ++depth > MAX_DEPTH) {
    tooComplex();
    return -1;
  }
  cells = node + size;
  const from = CELLS_AT + node * CELL_BYTES;
  for (let cell = from, end = from + size * CELL_BYTES; cell < end; cell += CELL_BYTES) store<i32>(cell + TAG, ABSENT);
  at++;
  let byte = skipSpace();
  if (byte == 0x7d) {
    at++;
    depth--;
    return node;
  }
  for (;;) {
    if (byte != 0x22 || !readText()) return -1;
    const field =
      textTag == ESCAPED ? fieldOfEscaped(shape, textStart, textEnd) : findKey(base, textStart, textEnd - textStart);
    if (skipSpace() != 0x3a) return -1;
    at++;
    byte = skipSpace();
    if (field < 0 ? !skipValue(byte) : !readField(base, from + field * CELL_BYTES, field, byte)) return -1;
    byte = skipSpace();
    at++;
    if (byte == 0x7d) break;
    if (byte != 0x2c) return -1;
    byte = skipSpace();
  }
  depth--;
  return node;
}

function readField(base: i32, cell: i32, field: i32, byte: i32): bool {
  const kind = <i32>load<u8>(base + KINDS + field);
  // The last of repeated keys wins, also when its value does not fit.
  store<i32>(cell + TAG, ABSENT);
  if (kind <= TEXT) {
    const tag = readScalar(kind, byte);
    if (tag < 0) return false;
    store<f64>(cell, numberValue);
    store<i32>(cell + EXTRA, textEnd);
    store<i32>(cell + TAG, tag);
    return true;
  }
  const child = <i32>load<u8>(base + CHILDREN + field);
  if (kind == OBJECT_KIND) {
    if (byte != 0x7b) return skipValue(byte);
    const node = readObject(child);
    if (node < 0) return false;
    store<f64>(cell, <f64>node);
    store<i32>(cell + TAG, OBJECT);
    return true;
  }
  if (byte != 0x5b) return skipValue(byte);
  return readList(cell, kind, child);
}

function readList(cell: i32, kind: i32, child: i32): bool {
  if (++depth > MAX_DEPTH) return tooComplex();
  at++;
  let last = 0;
  let first = 0;
  let count = 0;
  let byte = skipSpace();
  if (byte == 0x5d) at++;
  else {
    for (;;) {
      const item = readItem(kind, child, byte);
      if (item < 0) return false;
      if (item > 0) {
        if (last == 0) first = item;
        else store<i32>(ITEMS_AT + last * ITEM_BYTES + NEXT, item);
        last = item;
        count++;
      }
      byte = skipSpace();
      at++;
      if (byte == 0x5d) break;
      if (byte != 0x2c) return false;
      byte = skipSpace();
    }
  }
  store<f64>(cell, <f64>first);
  store<i32>(cell + EXTRA, count);
  store<i32>(cell + TAG, LIST);
  depth--;
  return true;
}

/** Gives the new item, 0 when the value does not fit and is left out, -1 when it could not be read. */
function readItem(kind: i32, child: i32, byte: i32): i32 {
  let tag = OBJECT;
  let value: f64 = 0;
  if (kind == OBJECTS) {
    if (byte != 0x7b) return skipValue(byte) ? 0 : -1;
    const node = readObject(child);
    if (node < 0) return -1;
    value = <f64>node;
  } else {
    tag = readScalar(kind == NUMS ? NUM : TEXT, byte);
    if (tag <= ABSENT) return tag;
    value = numberValue;
  }
  const item = items++;
  if (item >= itemsEnd) {
    tooComplex();
    return -1;
  }
  const cell = ITEMS_AT + item * ITEM_BYTES;
  store<f64>(cell, value);
  store<i32>(cell + EXTRA, textEnd);
  store<i32>(cell + TAG, tag);
  store<i32>(cell + NEXT, 0);
  return item;
}

/** Reads a number or text into `numberValue`. Gives its tag, ABSENT when it is neither, -1 when malformed. */
function readScalar(kind: i32, byte: i32): i32 {
  if (byte == 0x22) {
    if (!readText()) return -1;
    if (kind == TEXT) {
      numberValue = <f64>textStart;
      return textTag;
    }
    return numberFromText();
  }
  if (byte == 0x2d || isDigit(byte)) {
    if (!readNumber()) return -1;
    return isFinite(numberValue) ? NUMBER : ABSENT;
  }
  if (!skipValue(byte)) return -1;
  if (kind != NUM || (byte != 0x74 && byte != 0x66)) return ABSENT;
  numberValue = byte == 0x74 ? 1 : 0;
  return NUMBER;
}

function numberFromText(): i32 {
  if (textTag == ESCAPED) {
    numberValue = numberOfEscaped(textStart, textEnd);
    return isFinite(numberValue) ? NUMBER : ABSENT;
  }
  const after = at;
  const end = textEnd;
  at = textStart;
  const byte = <i32>load<u8>(at);
  const numeric = (byte == 0x2d || isDigit(byte)) && readNumber() && at == end;
  at = after;
  return numeric && isFinite(numberValue) ? NUMBER : ABSENT;
}
