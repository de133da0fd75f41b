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

// Kinds of fields. WORD stands beside TEXT and TEXTS: the number of a short text is looked up while it is near.
const WORD: i32 = 0x80;
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

// A cell: value (f64: a number; or i32: a text's start, a child's node, a list's first item), extra (i32: a text's end, a
// list's length), tag (i32). Behind a text's start stands its number, see `wordOf`. An item is a cell and the item after it.
const CELL_BYTES: i32 = 16;
const ITEM_BYTES: i32 = 24;
const NUMBER_OF_TEXT: i32 = 4;
const EXTRA: i32 = 8;
const TAG: i32 = 12;
const NEXT: i32 = 16;

// A word is a short text that has come before: its length, its number, when it was asked for last, and from byte 16 its
// text. One slot per hash.
const WORD_BYTES: i32 = 64;
const WORD_SLOT_BITS: i32 = 14;
const MAX_WORD_LENGTH: i32 = 48;
const NUMBER_AT: i32 = 4;
const ASKED_AT: i32 = 8;
const TEXT_AT: i32 = 16;

// The compiler keeps its own constants from 1024 on.
const SHAPES_AT: i32 = 4096;
const WORDS_AT: i32 = SHAPES_AT + MAX_SHAPES * SHAPE_BYTES;
const LOST_AT: i32 = WORDS_AT + (WORD_BYTES << WORD_SLOT_BITS);
const CELLS_AT: i32 = LOST_AT + (4 << WORD_SLOT_BITS);
const ITEMS_AT: i32 = CELLS_AT + 2 * MAX_CELLS * CELL_BYTES;
/** Where `scan.ts` puts the first body. What follows one must hold 16 bytes more. */
export const BODY_AT: i32 = ITEMS_AT + 2 * MAX_ITEMS * ITEM_BYTES;
export const MAX_WORDS: i32 = 1 << WORD_SLOT_BITS;
export const CELLS: i32 = CELLS_AT;
/** Where `scan` names the words that now stand for another text. */
export const LOST: i32 = LOST_AT;
export const ITEMS: i32 = ITEMS_AT;

const POWERS = memory.data<f64>([
  1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
]);

let fault: i32 = 0;
let cells: i32 = 0;
let items: i32 = 1;
// Where the present request has to end.
let cellsEnd: i32 = 0;
let itemsEnd: i32 = 0;
// Numbers given to words.
let words: i32 = 0;
// Counts how often all requests were forgotten: what was asked for since then is a word that a request may still name.
let asked: i32 = 1;
// Words that the present request has taken for another text.
let lost: i32 = 0;
// Where we are is passed on and given back, 0 for what could not be read: kept in a variable here it would be written to
// memory and read again for every byte that decides something. What else was just read:
let numberValue: f64 = 0;
let textStart: i32 = 0;
let textWord: i32 = 0;
let textEnd: i32 = 0;
let textTag: i32 = 0;
let scalarTag: i32 = 0;
let lastNode: i32 = 0;
let lastItem: i32 = 0;

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
  asked++;
}

/** Whether another request may follow; its node is then the number this gives, -1 when it may not. */
export function nextNode(): i32 {
  return cells <= MAX_CELLS && items <= MAX_ITEMS ? cells : -1;
}

/**
 * Reads the body of `length` bytes at `start`, behind the requests that were read before. The result stands in the lower two
 * bits; above, how many words now stand for another text, which LOST names.
 */
export function scan(start: i32, length: i32): i32 {
  const end = start + length;
  const firstCell = cells;
  const firstItem = items;
  cellsEnd = cells + MAX_CELLS;
  itemsEnd = items + MAX_ITEMS - 1;
  lost = 0;
  store<u8>(end, 0);
  fault = MALFORMED;
  const result = readRequest(start, end);
  if (result != READ) {
    cells = firstCell;
    items = firstItem;
  }
  return result | (lost << 2);
}

function readRequest(start: i32, end: i32): i32 {
  const p = skipSpace(start);
  const first = <i32>load<u8>(p);
  if (first == 0x7b) {
    const after = readObject(p, 0, 1);
    if (after == 0) return fault;
    return skipSpace(after) == end ? READ : MALFORMED;
  }
  const after = skipValue(p, first, 0);
  if (after == 0) return fault;
  return skipSpace(after) == end ? NOT_AN_OBJECT : MALFORMED;
}

/**
 * The number of the text in [start, end), from 1 to MAX_WORDS, which is the same when it comes again; 0 for one that is
 * empty, too long, or would take the place of a text that a request names that is not forgotten. A number that has stood
 * for another text until now is given as its negative.
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
    if (rest <= 8 && load<u64>(q) == last) {
      store<i32>(slot + ASKED_AT, asked);
      return load<i32>(slot + NUMBER_AT);
    }
  }
  if (load<i32>(slot + ASKED_AT) == asked) return 0;
  store<i32>(slot + ASKED_AT, asked);
  const before = load<i32>(slot + NUMBER_AT);
  if (before == 0) store<i32>(slot + NUMBER_AT, ++words);
  store<i32>(slot, length);
  let q = slot + TEXT_AT;
  for (p = start, rest = length; rest > 8; rest -= 8, p += 8, q += 8) store<u64>(q, load<u64>(p));
  store<u64>(q, last);
  return before == 0 ? words : -before;
}

/** The same for a text that is being read; what it takes the place of is kept in LOST. */
function wordIn(start: i32, end: i32): i32 {
  const word = wordOf(start, end);
  if (word >= 0) return word;
  store<i32>(LOST_AT + (lost++ << 2), -word);
  return -word;
}

function folded(hash: u64, eight: u64): u64 {
  const product = (hash ^ eight) * 0x9e3779b97f4a7c15;
  return product ^ (product >> 32);
}

function tooComplex(): i32 {
  fault = TOO_COMPLEX;
  return 0;
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

/** The place after white space. */
function skipSpace(from: i32): i32 {
  let p = from;
  let byte = <i32>load<u8>(p);
  while (byte <= 0x20 && (byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09)) byte = load<u8>(++p);
  return p;
}

function isDigit(byte: i32): bool {
  return <u32>(byte - 0x30) < 10;
}

/** Reads a number into `numberValue`. */
function readNumber(start: i32): i32 {
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
  if (digits == 0 || (digits > 1 && load<u8>(digitsFrom) == 0x30)) return 0;
  let scale = 0;
  if (byte == 0x2e) {
    byte = load<u8>(++p);
    const fractionFrom = p;
    while (isDigit(byte)) {
      mantissa = mantissa * 10 + <u64>(byte - 0x30);
      byte = load<u8>(++p);
    }
    scale = p - fractionFrom;
    if (scale == 0) return 0;
    digits += scale;
  }
  const hasExponent = byte == 0x65 || byte == 0x45;
  if (hasExponent) {
    byte = load<u8>(++p);
    if (byte == 0x2b || byte == 0x2d) byte = load<u8>(++p);
    const exponentFrom = p;
    while (isDigit(byte)) byte = load<u8>(++p);
    if (p == exponentFrom) return 0;
  }
  // A mantissa below 2^53 over a power of ten up to 10^22 is one correctly rounded division (Clinger 1990).
  if (digits <= 15 && !hasExponent) {
    const whole = <f64>(<i64>mantissa);
    const magnitude = scale == 0 ? whole : whole / load<f64>(POWERS + (scale << 3));
    numberValue = negative ? -magnitude : magnitude;
  } else numberValue = parseNumber(start, p);
  return p;
}

/** Moves past a number. */
function skipNumber(start: i32): i32 {
  let p = start;
  let byte = <i32>load<u8>(p);
  if (byte == 0x2d) byte = load<u8>(++p);
  const first = byte;
  const digitsFrom = p;
  while (isDigit(byte)) byte = load<u8>(++p);
  if (p == digitsFrom || (p - digitsFrom > 1 && first == 0x30)) return 0;
  if (byte == 0x2e) {
    const fractionFrom = ++p;
    byte = load<u8>(p);
    while (isDigit(byte)) byte = load<u8>(++p);
    if (p == fractionFrom) return 0;
  }
  if (byte == 0x65 || byte == 0x45) {
    byte = load<u8>(++p);
    if (byte == 0x2b || byte == 0x2d) byte = load<u8>(++p);
    const exponentFrom = p;
    while (isDigit(byte)) byte = load<u8>(++p);
    if (p == exponentFrom) return 0;
  }
  return p;
}

/** Reads a text whose opening quote is at `quote`; it ends one byte before the place this gives. */
function readText(quote: i32): i32 {
  let p = quote + 1;
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
    if (byte != 0x5c) return 0;
    escaped = true;
    p = skipEscape(p + 1);
    if (p == 0) return 0;
  }
  textTag = escaped ? ESCAPED : high != 0 ? UTF8 : ASCII;
  return p + 1;
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

/** Moves past one value, checking its grammar. @param byte the one at `p` @param depth of what it is in */
function skipValue(p: i32, byte: i32, depth: i32): i32 {
  if (byte == 0x22) return readText(p);
  if (byte == 0x7b) return skipObject(p, depth + 1);
  if (byte == 0x5b) return skipList(p, depth + 1);
  if (byte == 0x74) return skipWord(p, 0x65757274);
  if (byte == 0x6e) return skipWord(p, 0x6c6c756e);
  if (byte == 0x66) return skipWord(p + 1, 0x65736c61);
  return skipNumber(p);
}

/** Moves past `true`, `null` or the end of `false`: four letters as the number they are in memory. */
function skipWord(p: i32, letters: u32): i32 {
  return load<u32>(p) == letters ? p + 4 : 0;
}

function skipObject(from: i32, depth: i32): i32 {
  if (depth > MAX_DEPTH) return tooComplex();
  let p = skipSpace(from + 1);
  let byte = <i32>load<u8>(p);
  if (byte == 0x7d) return p + 1;
  for (;;) {
    if (byte != 0x22) return 0;
    p = readText(p);
    if (p == 0) return 0;
    p = skipSpace(p);
    if (load<u8>(p) != 0x3a) return 0;
    p = skipSpace(p + 1);
    p = skipValue(p, load<u8>(p), depth);
    if (p == 0) return 0;
    p = skipSpace(p);
    byte = load<u8>(p);
    if (byte == 0x7d) break;
    if (byte != 0x2c) return 0;
    p = skipSpace(p + 1);
    byte = load<u8>(p);
  }
  return p + 1;
}

function skipList(from: i32, depth: i32): i32 {
  if (depth > MAX_DEPTH) return tooComplex();
  let p = skipSpace(from + 1);
  let byte = <i32>load<u8>(p);
  if (byte == 0x5d) return p + 1;
  for (;;) {
    p = skipValue(p, byte, depth);
    if (p == 0) return 0;
    p = skipSpace(p);
    byte = load<u8>(p);
    if (byte == 0x5d) break;
    if (byte != 0x2c) return 0;
    p = skipSpace(p + 1);
    byte = load<u8>(p);
  }
  return p + 1;
}

/** Reads an object whose opening brace is at `from` into `lastNode`. */
function readObject(from: i32, shape: i32, depth: i32): i32 {
  const base = SHAPES_AT + shape * SHAPE_BYTES;
  const node = cells;
  const size = load<i32>(base + SIZE);
  if (node + size > cellsEnd || depth > MAX_DEPTH) return tooComplex();
  cells = node + size;
  const first = CELLS_AT + node * CELL_BYTES;
  for (let cell = first, end = first + size * CELL_BYTES; cell < end; cell += CELL_BYTES) {
    store<i32>(cell + TAG, ABSENT);
  }
  let p = skipSpace(from + 1);
  let byte = <i32>load<u8>(p);
  if (byte == 0x7d) {
    lastNode = node;
    return p + 1;
  }
  for (;;) {
    if (byte != 0x22) return 0;
    const key = p + 1;
    p = readText(p);
    if (p == 0) return 0;
    const field = textTag == ESCAPED ? fieldOfEscaped(shape, key, p - 1) : findKey(base, key, p - 1 - key);
    p = skipSpace(p);
    if (load<u8>(p) != 0x3a) return 0;
    p = skipSpace(p + 1);
    byte = load<u8>(p);
    p = field < 0 ? skipValue(p, byte, depth) : readField(base, first + field * CELL_BYTES, field, p, byte, depth);
    if (p == 0) return 0;
    p = skipSpace(p);
    byte = load<u8>(p);
    if (byte == 0x7d) break;
    if (byte != 0x2c) return 0;
    p = skipSpace(p + 1);
    byte = load<u8>(p);
  }
  lastNode = node;
  return p + 1;
}

function readField(base: i32, cell: i32, field: i32, p: i32, byte: i32, depth: i32): i32 {
  const given = <i32>load<u8>(base + KINDS + field);
  const kind = given & ~WORD;
  // The last of repeated keys wins, also when its value does not fit.
  store<i32>(cell + TAG, ABSENT);
  if (kind <= TEXT) {
    const after = readScalar(given, p, byte, depth);
    if (after == 0) return 0;
    keepScalar(cell);
    return after;
  }
  const child = <i32>load<u8>(base + CHILDREN + field);
  if (kind == OBJECT_KIND) {
    if (byte != 0x7b) return skipValue(p, byte, depth);
    const after = readObject(p, child, depth + 1);
    if (after == 0) return 0;
    store<i32>(cell, lastNode);
    store<i32>(cell + TAG, OBJECT);
    return after;
  }
  if (byte != 0x5b) return skipValue(p, byte, depth);
  return readList(cell, given, child, p, depth + 1);
}

/** Keeps what `readScalar` has read. */
function keepScalar(cell: i32): void {
  if (scalarTag == NUMBER) store<f64>(cell, numberValue);
  else {
    store<i32>(cell, textStart);
    store<i32>(cell + NUMBER_OF_TEXT, textWord);
  }
  store<i32>(cell + EXTRA, textEnd);
  store<i32>(cell + TAG, scalarTag);
}

function readList(cell: i32, kind: i32, child: i32, from: i32, depth: i32): i32 {
  if (depth > MAX_DEPTH) return tooComplex();
  let last = 0;
  let first = 0;
  let count = 0;
  let p = skipSpace(from + 1);
  let byte = <i32>load<u8>(p);
  if (byte != 0x5d) {
    for (;;) {
      p = readItem(kind, child, p, byte, depth);
      if (p == 0) return 0;
      const item = lastItem;
      if (item > 0) {
        if (last == 0) first = item;
        else store<i32>(ITEMS_AT + last * ITEM_BYTES + NEXT, item);
        last = item;
        count++;
      }
      p = skipSpace(p);
      byte = load<u8>(p);
      if (byte == 0x5d) break;
      if (byte != 0x2c) return 0;
      p = skipSpace(p + 1);
      byte = load<u8>(p);
    }
  }
  store<i32>(cell, first);
  store<i32>(cell + EXTRA, count);
  store<i32>(cell + TAG, LIST);
  return p + 1;
}

/** Reads an item of a list into `lastItem`, which is 0 when its value does not fit and is left out. */
function readItem(kind: i32, child: i32, p: i32, byte: i32, depth: i32): i32 {
  let after = 0;
  lastItem = 0;
  if (kind == OBJECTS) {
    if (byte != 0x7b) return skipValue(p, byte, depth);
    after = readObject(p, child, depth + 1);
    if (after == 0) return 0;
  } else {
    after = readScalar(kind == NUMS ? NUM : TEXT | (kind & WORD), p, byte, depth);
    if (after == 0 || scalarTag == ABSENT) return after;
  }
  const item = items++;
  if (item >= itemsEnd) return tooComplex();
  const cell = ITEMS_AT + item * ITEM_BYTES;
  if (kind == OBJECTS) {
    store<i32>(cell, lastNode);
    store<i32>(cell + TAG, OBJECT);
  } else keepScalar(cell);
  store<i32>(cell + NEXT, 0);
  lastItem = item;
  return after;
}

/** Reads a number or text into `numberValue`, `textStart` and so on, and `scalarTag`, which is ABSENT when it is neither. */
function readScalar(kind: i32, p: i32, byte: i32, depth: i32): i32 {
  if (byte == 0x22) {
    const after = readText(p);
    if (after == 0) return 0;
    textEnd = after - 1;
    if (kind != NUM) {
      textStart = p + 1;
      textWord = kind != TEXT && textTag == ASCII ? wordIn(p + 1, after - 1) : 0;
      scalarTag = textTag;
    } else scalarTag = numberFromText(p + 1, after - 1);
    return after;
  }
  if (byte == 0x2d || isDigit(byte)) {
    const after = readNumber(p);
    scalarTag = isFinite(numberValue) ? NUMBER : ABSENT;
    return after;
  }
  scalarTag = ABSENT;
  if (kind == NUM && (byte == 0x74 || byte == 0x66)) {
    numberValue = byte == 0x74 ? 1 : 0;
    scalarTag = NUMBER;
  }
  return skipValue(p, byte, depth);
}

function numberFromText(start: i32, end: i32): i32 {
  if (textTag == ESCAPED) numberValue = numberOfEscaped(start, end);
  else {
    const byte = <i32>load<u8>(start);
    if ((byte != 0x2d && !isDigit(byte)) || readNumber(start) != end) return ABSENT;
  }
  return isFinite(numberValue) ? NUMBER : ABSENT;
}
