import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  JsonCursor,
  MAX_DEPTH,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
  type ScanFault,
  TAG,
} from './jsoncursor.ts';
import { findKey, KIND, type Shape, shapes } from './shapes.ts';
import type { TextCache } from './textcache.ts';

const MAX_CELLS = 1 << 16;
const MAX_ITEMS = 1 << 14;

/**
 * Reads one OpenRTB request straight from its bytes, keeping only the fields of `shapes`. It checks the grammar of the
 * whole body as `JSON.parse` does, the last of repeated keys wins, and texts are decoded when asked for. An instance is
 * reused for every request of a thread and allocates nothing while scanning.
 *
 * A node is the position of an object's first cell; `root` is the request.
 */
export class RequestScan extends JsonCursor {
  readonly root = 0;
  #cells = 0;
  #items = 1;
  readonly #tag = new Uint8Array(MAX_CELLS);
  /** A number, or a text's start, a child's node, a list's first item. */
  readonly #value = new Float64Array(MAX_CELLS);
  /** A text's end, a list's length. */
  readonly #extra = new Int32Array(MAX_CELLS);
  readonly #itemTag = new Uint8Array(MAX_ITEMS);
  readonly #itemValue = new Float64Array(MAX_ITEMS);
  readonly #itemExtra = new Int32Array(MAX_ITEMS);
  readonly #itemNext = new Int32Array(MAX_ITEMS);

  /**
   * @param bytes holds the body in [0, length) and one more byte, which is overwritten; it must stay unchanged while
   *   fields are read
   * @returns null when the body was read
   */
  scan(bytes: Buffer, length: number): ScanFault | null {
    this.startAt(bytes, length);
    this.#cells = 0;
    this.#items = 1;
    const first = this.skipSpace();
    if (first !== OPEN_OBJECT) {
      if (!this.skipValue(first)) return this.fault ?? 'malformed_json';
      return this.skipSpace() === 0 && this.at === length ? 'not_an_object' : 'malformed_json';
    }
    if (this.#readObject(shapes.REQUEST) < 0) return this.fault ?? 'malformed_json';
    this.skipSpace();
    return this.at === length ? null : 'malformed_json';
  }

  /** The number in a field, NaN when absent. */
  num(node: number, field: number): number {
    return this.#tag[node + field] === TAG.number ? this.#value[node + field]! : Number.NaN;
  }

  /** The number in a field, or another when absent. */
  numOr(node: number, field: number, otherwise: number): number {
    return node >= 0 && this.#tag[node + field] === TAG.number ? this.#value[node + field]! : otherwise;
  }

  /** Whether a field is there with a value of its kind. */
  has(node: number, field: number): boolean {
    return this.#tag[node + field] !== TAG.absent;
  }

  /** The text in a field, '' when absent. Pass node -1 for an object that is not there. */
  text(node: number, field: number): string {
    if (node < 0) return '';
    const cell = node + field;
    return this.#decode(this.#tag[cell]!, this.#value[cell]!, this.#extra[cell]!);
  }

  /** What the text in a field stands for by a cache; what '' stands for when absent. */
  cached<Value>(node: number, field: number, cache: TextCache<Value>): Value {
    if (node < 0) return cache.ofText('');
    const cell = node + field;
    if (this.#tag[cell] === TAG.ascii) return cache.ofAscii(this.bytes, this.#value[cell]!, this.#extra[cell]!);
    return cache.ofText(this.text(node, field));
  }

  /** The same for an item of a list of texts. */
  itemCached<Value>(item: number, cache: TextCache<Value>): Value {
    if (this.#itemTag[item] === TAG.ascii) {
      return cache.ofAscii(this.bytes, this.#itemValue[item]!, this.#itemExtra[item]!);
    }
    return cache.ofText(this.itemText(item));
  }

  /** The node of an object in a field, -1 when absent. */
  object(node: number, field: number): number {
    return node >= 0 && this.#tag[node + field] === TAG.object ? this.#value[node + field]! : -1;
  }

  /** The first item of a list, 0 when there is none. */
  first(node: number, field: number): number {
    return node >= 0 && this.#tag[node + field] === TAG.list ? this.#value[node + field]! : 0;
  }

  /** The item after another, 0 at the end. */
  next(item: number): number {
    return this.#itemNext[item]!;
  }

  /** How many items a list has. */
  count(node: number, field: number): number {
    return node >= 0 && this.#tag[node + field] === TAG.list ? this.#extra[node + field]! : 0;
  }

  itemNum(item: number): number {
    return this.#itemValue[item]!;
  }

  itemNode(item: number): number {
    return this.#itemValue[item]!;
  }

  itemText(item: number): string {
    return this.#decode(this.#itemTag[item]!, this.#itemValue[item]!, this.#itemExtra[item]!);
  }

  /** Writes a text field as it stands in JSON, between its quotes; a number sent for a text as its digits. */
  copyText(node: number, field: number, out: Buffer, at: number): number {
    const cell = node + field;
    const tag = this.#tag[cell]!;
    if (tag === TAG.number || tag === TAG.utf8)
      return at + out.write(JSON.stringify(this.text(node, field)).slice(1, -1), at);
    return at + this.bytes.copy(out, at, this.#value[cell]!, this.#extra[cell]!);
  }

  #decode(tag: number, value: number, extra: number): string {
    switch (tag) {
      case TAG.ascii:
        return this.bytes.latin1Slice(value, extra);
      case TAG.utf8:
        return this.bytes.utf8Slice(value, extra);
      case TAG.escaped:
        return JSON.parse(this.bytes.utf8Slice(value - 1, extra + 1)) as string;
      case TAG.number:
        return String(value);
      default:
        return '';
    }
  }

  /** Reads an object whose opening brace is the current byte. @returns its node, or -1 */
  #readObject(shape: Shape): number {
    const node = this.#cells;
    if (node + shape.size > MAX_CELLS || ++this.depth > MAX_DEPTH) {
      this.fail('too_complex');
      return -1;
    }
    this.#cells = node + shape.size;
    this.#tag.fill(TAG.absent, node, node + shape.size);
    this.at++;
    let byte = this.skipSpace();
    if (byte === CLOSE_OBJECT) {
      this.at++;
      this.depth--;
      return node;
    }
    for (;;) {
      if (byte !== QUOTE || !this.readText()) return -1;
      const field =
        this.textTag === TAG.escaped
          ? this.#escapedKey(shape)
          : findKey(shape.keys, this.bytes, this.textStart, this.textEnd - this.textStart);
      if (this.skipSpace() !== COLON) return -1;
      this.at++;
      byte = this.skipSpace();
      if (field < 0 ? !this.skipValue(byte) : !this.#readField(shape, node, field, byte)) return -1;
      byte = this.skipSpace();
      this.at++;
      if (byte === CLOSE_OBJECT) break;
      if (byte !== COMMA) return -1;
      byte = this.skipSpace();
    }
    this.depth--;
    return node;
  }

  #escapedKey(shape: Shape): number {
    return shape.keys.byName.get(this.#decode(TAG.escaped, this.textStart, this.textEnd)) ?? -1;
  }

  #readField(shape: Shape, node: number, field: number, byte: number): boolean {
    const cell = node + field;
    const kind = shape.kinds[field]!;
    // The last of repeated keys wins, also when its value does not fit.
    this.#tag[cell] = TAG.absent;
    if (kind === KIND.num || kind === KIND.text) {
      const tag = this.#readScalar(kind, byte);
      if (tag < 0) return false;
      this.#tag[cell] = tag;
      this.#value[cell] = this.numberValue;
      this.#extra[cell] = this.textEnd;
      return true;
    }
    if (kind === KIND.object) {
      if (byte !== OPEN_OBJECT) return this.skipValue(byte);
      const child = this.#readObject(shape.children[field]!);
      if (child < 0) return false;
      this.#tag[cell] = TAG.object;
      this.#value[cell] = child;
      return true;
    }
    if (byte !== OPEN_LIST) return this.skipValue(byte);
    return this.#readList(shape, cell, field, kind);
  }

  #readList(shape: Shape, cell: number, field: number, kind: number): boolean {
    if (++this.depth > MAX_DEPTH) return this.fail('too_complex');
    this.at++;
    let last = 0;
    let first = 0;
    let count = 0;
    let byte = this.skipSpace();
    if (byte === CLOSE_LIST) this.at++;
    else {
      for (;;) {
        const item = this.#readItem(shape, field, kind, byte);
        if (item < 0) return false;
        if (item > 0) {
          if (last === 0) first = item;
          else this.#itemNext[last] = item;
          last = item;
          count++;
        }
        byte = this.skipSpace();
        this.at++;
        if (byte === CLOSE_LIST) break;
        if (byte !== COMMA) return false;
        byte = this.skipSpace();
      }
    }
    this.#tag[cell] = TAG.list;
    this.#value[cell] = first;
    this.#extra[cell] = count;
    this.depth--;
    return true;
  }

  /** @returns the new item, 0 when the value does not fit and is left out, -1 when it could not be read */
  #readItem(shape: Shape, field: number, kind: number, byte: number): number {
    let tag: number;
    let value = 0;
    if (kind === KIND.objects) {
      if (byte !== OPEN_OBJECT) return this.skipValue(byte) ? 0 : -1;
      value = this.#readObject(shape.children[field]!);
      if (value < 0) return -1;
      tag = TAG.object;
    } else {
      tag = this.#readScalar(kind === KIND.nums ? KIND.num : KIND.text, byte);
      if (tag < 0) return -1;
      if (tag === TAG.absent) return 0;
      value = this.numberValue;
    }
    const item = this.#items++;
    if (item >= MAX_ITEMS) {
      this.fail('too_complex');
      return -1;
    }
    this.#itemTag[item] = tag;
    this.#itemValue[item] = value;
    this.#itemExtra[item] = this.textEnd;
    this.#itemNext[item] = 0;
    return item;
  }

  /** Reads a number or text into `#scalarValue`. @returns its tag, `absent` when it is neither, -1 when malformed */
  #readScalar(kind: number, byte: number): number {
    if (byte === QUOTE) {
      if (!this.readText()) return -1;
      if (kind === KIND.text) {
        this.numberValue = this.textStart;
        return this.textTag;
      }
      return this.#numberFromText();
    }
    if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      if (!this.readNumber()) return -1;
      return Number.isFinite(this.numberValue) ? TAG.number : TAG.absent;
    }
    const start = this.at;
    if (!this.skipValue(byte)) return -1;
    if (kind !== KIND.num || (byte !== 0x74 && byte !== 0x66)) return TAG.absent;
    this.numberValue = this.bytes[start] === 0x74 ? 1 : 0;
    return TAG.number;
  }

  #numberFromText(): number {
    if (this.textTag === TAG.escaped) {
      const text = this.#decode(TAG.escaped, this.textStart, this.textEnd);
      this.numberValue = JSON_NUMBER.test(text) ? Number(text) : Number.NaN;
      return Number.isFinite(this.numberValue) ? TAG.number : TAG.absent;
    }
    const after = this.at;
    const end = this.textEnd;
    this.at = this.textStart;
    const byte = this.bytes[this.at]!;
    const numeric = (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) && this.readNumber() && this.at === end;
    this.at = after;
    return numeric && Number.isFinite(this.numberValue) ? TAG.number : TAG.absent;
  }
}

const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
