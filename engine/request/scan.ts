import { hashAscii, hashText } from '../auction/hash.ts';
import { wasmBase64 } from './scanner.wasm.ts';
import { KIND, type Shape, shapes } from './shapes.ts';
import type { TextCache } from './textcache.ts';

/** Why a body could not be read. */
export type ScanFault = 'malformed_json' | 'not_an_object' | 'too_complex';

/** What a value is, and how a text has to be decoded; as in scanner.as. */
const TAG = { absent: 0, number: 1, ascii: 2, utf8: 3, escaped: 4, object: 5, list: 6 } as const;
/** What the scanner answers, by number. */
const faults: readonly (ScanFault | null)[] = [null, 'malformed_json', 'not_an_object', 'too_complex'];

const MAX_CELLS = 1 << 17;
const MAX_ITEMS = 1 << 15;
/** What is read past the end of a body: sixteen bytes at a time. */
const PADDING_BYTES = 32;
/** What may stand behind a body in the memory it is copied from. */
const MOST_SPARE = 4096;
const FIRST_BODY_BYTES = 256 * 1024;
/** Beside the kind of a field whose texts are looked up at once; as in scanner.as. */
const WORD = 0x80;
/** What `scan` gives: the fault in the lower bits, and above how many words were lost. */
const FAULT_BITS = 2;
const PAGE_BYTES = 65_536;
const COMMA = 0x2c;
const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** What scanner.as exports. */
interface Scanner {
  forget(): void;
  nextNode(): number;
  scan(start: number, length: number): number;
  wordOf(start: number, end: number): number;
  addField(shape: number, field: number, length: number, kind: number, child: number): void;
  readonly BODY_AT: WebAssembly.Global;
  readonly CELLS: WebAssembly.Global;
  readonly ITEMS: WebAssembly.Global;
  readonly LOST: WebAssembly.Global;
  readonly MAX_WORDS: WebAssembly.Global;
}

const module = new WebAssembly.Module(Buffer.from(wasmBase64, 'base64'));

/** Every shape that can occur in a request, the request first. */
function reachable(shape: Shape, found: Shape[] = []): Shape[] {
  if (found.includes(shape)) return found;
  found.push(shape);
  for (const child of shape.children) if (child !== null) reachable(child, found);
  return found;
}
const numbered = reachable(shapes.REQUEST);

/**
 * Reads OpenRTB requests straight from their bytes, keeping only the fields of `shapes`. It checks the grammar of the
 * whole body as `JSON.parse` does, the last of repeated keys wins, and texts are decoded when asked for. An instance is
 * reused for every request of a thread and allocates nothing while scanning. The scan itself is scanner.as; this is what
 * lays out its memory and reads what it kept.
 *
 * A node is the position of an object's first cell. Several requests can be kept at once.
 */
export class RequestScan {
  /** The request that was read last, or another one that is kept. */
  root = 0;
  readonly #memory: WebAssembly.Memory;
  readonly #scanner: Scanner;
  readonly #bodyAt: number;
  /** What keeps values by the numbers of our words. */
  readonly #caches = new Set<TextCache<unknown>>();
  /** Where the next body goes, and the node of its request; -1 when there may be none. */
  #free: number;
  #next = 0;
  #bytes: Buffer = Buffer.alloc(0);
  // Of a cell: a number at 2 × cell; anything else at 4 × cell, behind it the number of a text, extra at 4 × cell + 2, tag
  // at 4 × cell + 3.
  #cellValues = new Float64Array();
  #cellWords = new Int32Array();
  // Of an item: a number at 3 × item; anything else at 6 × item, and so on as in a cell, next at 6 × item + 4.
  #itemValues = new Float64Array();
  #itemWords = new Int32Array();
  /** Words that stand for another text since the last scan. */
  #lost = new Int32Array();

  constructor() {
    this.#memory = new WebAssembly.Memory({ initial: 1 });
    const env = {
      memory: this.#memory,
      parseNumber: (start: number, end: number) => Number(this.#bytes.latin1Slice(start, end)),
      numberOfEscaped: (start: number, end: number) => {
        const text = this.#decode(TAG.escaped, start, end);
        return JSON_NUMBER.test(text) ? Number(text) : Number.NaN;
      },
      fieldOfEscaped: (shape: number, start: number, end: number) =>
        numbered[shape]!.names.indexOf(this.#decode(TAG.escaped, start, end)),
    };
    // A copy, because the exports themselves are an object whose properties are looked up at every use.
    this.#scanner = { ...(new WebAssembly.Instance(module, { env }).exports as unknown as Scanner) };
    this.#bodyAt = this.#scanner.BODY_AT.value as number;
    this.#free = this.#bodyAt;
    this.#reserve(this.#bodyAt + FIRST_BODY_BYTES);
    this.#layOutShapes();
  }

  /**
   * Forgets what was kept and reads a request.
   * @param bytes holds the body in [0, length); it is copied
   * @returns null when the body was read
   */
  scan(bytes: Uint8Array, length: number): ScanFault | null {
    this.forget();
    return this.add(bytes, length);
  }

  /** Forgets what was kept. */
  forget(): void {
    this.#scanner.forget();
    this.#free = this.#bodyAt;
    this.#next = 0;
  }

  /** Whether there is room for one more request, whatever it holds, beside those that are kept. */
  get hasRoom(): boolean {
    return this.#next >= 0;
  }

  /** Reads a request beside those that are kept; it is the present one then. See `scan` and `hasRoom`. */
  add(bytes: Uint8Array, length: number): ScanFault | null {
    // A little more copied costs less than a view of the right length.
    const source = bytes.length - length <= MOST_SPARE ? bytes : bytes.subarray(0, length);
    const start = this.#free;
    if (start + source.length + PADDING_BYTES > this.#bytes.length) this.#reserve(start + source.length);
    this.#bytes.set(source, start);
    this.root = this.#next;
    const result = this.#scanner.scan(start, length);
    const lostCount = result >> FAULT_BITS;
    for (let i = 0; i < lostCount; i++) this.#lose(this.#lost[i]!);
    const fault = faults[result & ((1 << FAULT_BITS) - 1)]!;
    if (fault !== null) return fault;
    this.#free = start + length + PADDING_BYTES;
    this.#next = this.#scanner.nextNode();
    return null;
  }

  /** The number in a field, NaN when absent. */
  num(node: number, field: number): number {
    return this.numOr(node, field, Number.NaN);
  }

  /** The number in a field, or another when absent. */
  numOr(node: number, field: number, otherwise: number): number {
    if (node < 0) return otherwise;
    const cell = node + field;
    return this.#cellWords[4 * cell + 3] === TAG.number ? this.#cellValues[2 * cell]! : otherwise;
  }

  /** Whether a field is there with a value of its kind. */
  has(node: number, field: number): boolean {
    return this.#cellWords[4 * (node + field) + 3] !== TAG.absent;
  }

  /** The text in a field, '' when absent. Pass node -1 for an object that is not there. */
  text(node: number, field: number): string {
    if (node < 0) return '';
    const at = 4 * (node + field);
    const tag = this.#cellWords[at + 3]!;
    if (tag === TAG.number) return String(this.#cellValues[at >> 1]!);
    return this.#decode(tag, this.#cellWords[at]!, this.#cellWords[at + 2]!);
  }

  /** Whether a text is absent or ''. */
  isBlank(node: number, field: number): boolean {
    const bytes = this.asciiBytes(node, field);
    return bytes >= 0 ? bytes === 0 : this.text(node, field) === '';
  }

  /** How many bytes a text of ASCII without escapes has, -1 when the field holds anything else. */
  asciiBytes(node: number, field: number): number {
    const at = 4 * (node + field);
    if (this.#cellWords[at + 3] !== TAG.ascii) return -1;
    return this.#cellWords[at + 2]! - this.#cellWords[at]!;
  }

  /** `hashText` of a text, '' when absent. */
  hashOf(node: number, field: number): number {
    const at = 4 * (node + field);
    if (this.#cellWords[at + 3] !== TAG.ascii) return hashText(this.text(node, field));
    return hashAscii(this.#bytes, this.#cellWords[at]!, this.#cellWords[at + 2]!);
  }

  /** Copies such a text. */
  copyAscii(node: number, field: number, out: Uint8Array, outAt: number): void {
    const at = 4 * (node + field);
    const start = this.#cellWords[at]!;
    const length = this.#cellWords[at + 2]! - start;
    const bytes = this.#bytes;
    if (length > 256) out.set(bytes.subarray(start, start + length), outAt);
    else for (let i = 0; i < length; i++) out[outAt + i] = bytes[start + i]!;
  }

  /** What the text in a field stands for by a cache; what '' stands for when absent. */
  cached<Value>(node: number, field: number, cache: TextCache<Value>): Value {
    if (node < 0) return cache.ofNothing;
    const at = 4 * (node + field);
    const cells = this.#cellWords;
    const tag = cells[at + 3]!;
    if (tag === TAG.ascii) return this.#known(cells[at + 1]!, cells[at]!, cells[at + 2]!, cache);
    return tag === TAG.absent ? cache.ofNothing : cache.make(this.text(node, field));
  }

  /** The same for an item of a list of texts. */
  itemCached<Value>(item: number, cache: TextCache<Value>): Value {
    const at = 6 * item;
    const items = this.#itemWords;
    if (items[at + 3] !== TAG.ascii) return cache.make(this.itemText(item));
    return this.#known(items[at + 1]!, items[at]!, items[at + 2]!, cache);
  }

  /** Adds what each piece of a text stands for, as commas part it. @param most pieces that are looked at */
  addPieces<Value>(
    node: number,
    field: number,
    most: number,
    cache: TextCache<Value>,
    into: { add(value: Value): void },
  ): void {
    const at = 4 * (node + field);
    if (node < 0 || this.#cellWords[at + 3] === TAG.absent) return;
    if (this.#cellWords[at + 3] !== TAG.ascii) {
      for (const piece of this.text(node, field).split(',', most)) into.add(cache.make(piece));
      return;
    }
    const end = this.#cellWords[at + 2]!;
    let from = this.#cellWords[at]!;
    for (let pieces = 0; pieces < most && from <= end; pieces++) {
      let to = from;
      while (to < end && this.#bytes[to] !== COMMA) to++;
      into.add(from === to ? cache.ofNothing : this.#known(0, from, to, cache));
      from = to + 1;
    }
  }

  /** What the ASCII text in [start, end) stands for. @param word its number, 0 when it was not looked up */
  #known<Value>(word: number, start: number, end: number, cache: TextCache<Value>): Value {
    if (word > 0 && cache.owner === this) {
      const known = cache.values[word];
      if (known !== undefined) return known;
    }
    return this.#lookUp(word, start, end, cache);
  }

  #lookUp<Value>(given: number, start: number, end: number, cache: TextCache<Value>): Value {
    if (cache.owner !== this && !this.#adopt(cache)) return cache.make(this.#bytes.latin1Slice(start, end));
    let word = given === 0 ? this.#scanner.wordOf(start, end) : given;
    if (word < 0) {
      word = -word;
      this.#lose(word);
    }
    const known = cache.values[word];
    if (known !== undefined) return known;
    const made = cache.make(this.#bytes.latin1Slice(start, end));
    if (word > 0) cache.values[word] = made;
    return made;
  }

  /** Forgets what the text stood for that had this number. */
  #lose(word: number): void {
    for (const cache of this.#caches) cache.values[word] = undefined;
  }

  /** Makes our numbers the ones that count. @returns whether it remembers anything */
  #adopt(cache: TextCache<unknown>): boolean {
    if (!cache.remembers) return false;
    const words = this.#scanner.MAX_WORDS.value as number;
    cache.owner = this;
    cache.values = Array.from({ length: words + 1 }, () => undefined);
    this.#caches.add(cache);
    return true;
  }

  /** The node of an object in a field, -1 when absent. */
  object(node: number, field: number): number {
    if (node < 0) return -1;
    const at = 4 * (node + field);
    return this.#cellWords[at + 3] === TAG.object ? this.#cellWords[at]! : -1;
  }

  /** The first item of a list, 0 when there is none. */
  first(node: number, field: number): number {
    if (node < 0) return 0;
    const at = 4 * (node + field);
    return this.#cellWords[at + 3] === TAG.list ? this.#cellWords[at]! : 0;
  }

  /** The item after another, 0 at the end. */
  next(item: number): number {
    return this.#itemWords[6 * item + 4]!;
  }

  /** How many items a list has. */
  count(node: number, field: number): number {
    if (node < 0) return 0;
    const cell = node + field;
    return this.#cellWords[4 * cell + 3] === TAG.list ? this.#cellWords[4 * cell + 2]! : 0;
  }

  itemNum(item: number): number {
    return this.#itemValues[3 * item]!;
  }

  itemNode(item: number): number {
    return this.#itemWords[6 * item]!;
  }

  itemText(item: number): string {
    const at = 6 * item;
    const tag = this.#itemWords[at + 3]!;
    if (tag === TAG.number) return String(this.#itemValues[at >> 1]!);
    return this.#decode(tag, this.#itemWords[at]!, this.#itemWords[at + 2]!);
  }

  #decode(tag: number, start: number, end: number): string {
    switch (tag) {
      case TAG.ascii:
        return this.#bytes.latin1Slice(start, end);
      case TAG.utf8:
        return this.#bytes.utf8Slice(start, end);
      case TAG.escaped:
        return JSON.parse(this.#bytes.utf8Slice(start - 1, end + 1)) as string;
      default:
        return '';
    }
  }

  /** Makes room for bodies up to here. */
  #reserve(end: number): void {
    const wanted = end + PADDING_BYTES - this.#memory.buffer.byteLength;
    if (wanted > 0) this.#memory.grow(Math.ceil(wanted / PAGE_BYTES));
    const { buffer } = this.#memory;
    const cellsAt = this.#scanner.CELLS.value as number;
    const itemsAt = this.#scanner.ITEMS.value as number;
    this.#bytes = Buffer.from(buffer);
    this.#cellValues = new Float64Array(buffer, cellsAt, 2 * MAX_CELLS);
    this.#cellWords = new Int32Array(buffer, cellsAt, 4 * MAX_CELLS);
    this.#itemValues = new Float64Array(buffer, itemsAt, 3 * MAX_ITEMS);
    this.#itemWords = new Int32Array(buffer, itemsAt, 6 * MAX_ITEMS);
    this.#lost = new Int32Array(buffer, this.#scanner.LOST.value as number, this.#scanner.MAX_WORDS.value as number);
  }

  #layOutShapes(): void {
    numbered.forEach((shape, number) => {
      shape.names.forEach((name, field) => {
        const child = shape.children[field];
        this.#bytes.fill(0, this.#bodyAt, this.#bodyAt + PADDING_BYTES);
        this.#bytes.latin1Write(name, this.#bodyAt);
        const childNumber = child === null || child === undefined ? 0 : numbered.indexOf(child);
        const kind = shape.kinds[field]! | (shape.areWords[field] ? WORD : 0);
        this.#scanner.addField(number, field, name.length, kind, childNumber);
      });
    });
  }
}

/** What scanner.as has room for: asserted when this module is loaded, because a longer table would overwrite others. */
for (const { name, names } of numbered) {
  if (names.length > 32 || names.some((key) => key.length > 16)) throw new RangeError(`Shape ${name} is too large.`);
}
if (numbered.length > 64 || Object.values(KIND).some((kind) => kind > 6)) throw new RangeError('Too many shapes.');
