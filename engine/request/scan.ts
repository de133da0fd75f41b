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
  // Of a cell: value at 2 × cell, extra at 4 × cell + 2, tag at 4 × cell + 3.
  #cellValues = new Float64Array();
  #cellWords = new Int32Array();
  // Of an item: value at 3 × item, extra at 6 × item + 2, tag at 6 × item + 3, next at 6 × item + 4.
  #itemValues = new Float64Array();
  #itemWords = new Int32Array();

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
    const fault = faults[this.#scanner.scan(start, length)]!;
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
    const cell = node + field;
    return this.#decode(this.#cellWords[4 * cell + 3]!, this.#cellValues[2 * cell]!, this.#cellWords[4 * cell + 2]!);
  }

  /** Whether a text is absent or ''. */
  isBlank(node: number, field: number): boolean {
    const bytes = this.asciiBytes(node, field);
    return bytes >= 0 ? bytes === 0 : this.text(node, field) === '';
  }

  /** How many bytes a text of ASCII without escapes has, -1 when the field holds anything else. */
  asciiBytes(node: number, field: number): number {
    const cell = node + field;
    if (this.#cellWords[4 * cell + 3] !== TAG.ascii) return -1;
    return this.#cellWords[4 * cell + 2]! - this.#cellValues[2 * cell]!;
  }

  /** `hashText` of a text, '' when absent. */
  hashOf(node: number, field: number): number {
    const cell = node + field;
    if (this.#cellWords[4 * cell + 3] !== TAG.ascii) return hashText(this.text(node, field));
    return hashAscii(this.#bytes, this.#cellValues[2 * cell]!, this.#cellWords[4 * cell + 2]!);
  }

  /** Copies such a text. */
  copyAscii(node: number, field: number, out: Uint8Array, outAt: number): void {
    const cell = node + field;
    const start = this.#cellValues[2 * cell]!;
    const length = this.#cellWords[4 * cell + 2]! - start;
    const bytes = this.#bytes;
    if (length > 256) out.set(bytes.subarray(start, start + length), outAt);
    else for (let i = 0; i < length; i++) out[outAt + i] = bytes[start + i]!;
  }

  /** What the text in a field stands for by a cache; what '' stands for when absent. */
  cached<Value>(node: number, field: number, cache: TextCache<Value>): Value {
    if (node < 0) return cache.ofNothing;
    const cell = node + field;
    const tag = this.#cellWords[4 * cell + 3]!;
    if (tag === TAG.ascii) return this.#known(this.#cellValues[2 * cell]!, this.#cellWords[4 * cell + 2]!, cache);
    return tag === TAG.absent ? cache.ofNothing : cache.make(this.text(node, field));
  }

  /** The same for an item of a list of texts. */
  itemCached<Value>(item: number, cache: TextCache<Value>): Value {
    if (this.#itemWords[6 * item + 3] !== TAG.ascii) return cache.make(this.itemText(item));
    return this.#known(this.#itemValues[3 * item]!, this.#itemWords[6 * item + 2]!, cache);
  }

  /** Adds what each piece of a text stands for, as commas part it. @param most pieces that are looked at */
  addPieces<Value>(
    node: number,
    field: number,
    most: number,
    cache: TextCache<Value>,
    into: { add(value: Value): void },
  ): void {
    const cell = node + field;
    if (node < 0 || this.#cellWords[4 * cell + 3] === TAG.absent) return;
    if (this.#cellWords[4 * cell + 3] !== TAG.ascii) {
      for (const piece of this.text(node, field).split(',', most)) into.add(cache.make(piece));
      return;
    }
    const end = this.#cellWords[4 * cell + 2]!;
    let from = this.#cellValues[2 * cell]!;
    for (let pieces = 0; pieces < most && from <= end; pieces++) {
      let to = from;
      while (to < end && this.#bytes[to] !== COMMA) to++;
      into.add(from === to ? cache.ofNothing : this.#known(from, to, cache));
      from = to + 1;
    }
  }

  /** What the ASCII text in [start, end) stands for. */
  #known<Value>(start: number, end: number, cache: TextCache<Value>): Value {
    if (cache.owner !== this && !this.#adopt(cache)) return cache.make(this.#bytes.latin1Slice(start, end));
    let word = this.#scanner.wordOf(start, end);
    if (word < 0) {
      word = -word;
      for (const other of this.#caches) other.values[word] = undefined;
    }
    const known = cache.values[word];
    if (known !== undefined) return known;
    const made = cache.make(this.#bytes.latin1Slice(start, end));
    if (word > 0) cache.values[word] = made;
    return made;
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
    const cell = node + field;
    return this.#cellWords[4 * cell + 3] === TAG.object ? this.#cellValues[2 * cell]! : -1;
  }

  /** The first item of a list, 0 when there is none. */
  first(node: number, field: number): number {
    if (node < 0) return 0;
    const cell = node + field;
    return this.#cellWords[4 * cell + 3] === TAG.list ? this.#cellValues[2 * cell]! : 0;
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
    return this.#itemValues[3 * item]!;
  }

  itemText(item: number): string {
    return this.#decode(this.#itemWords[6 * item + 3]!, this.#itemValues[3 * item]!, this.#itemWords[6 * item + 2]!);
  }

  #decode(tag: number, value: number, extra: number): string {
    switch (tag) {
      case TAG.ascii:
        return this.#bytes.latin1Slice(value, extra);
      case TAG.utf8:
        return this.#bytes.utf8Slice(value, extra);
      case TAG.escaped:
        return JSON.parse(this.#bytes.utf8Slice(value - 1, extra + 1)) as string;
      case TAG.number:
        return String(value);
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
  }

  #layOutShapes(): void {
    numbered.forEach((shape, number) => {
      shape.names.forEach((name, field) => {
        const child = shape.children[field];
        this.#bytes.fill(0, this.#bodyAt, this.#bodyAt + PADDING_BYTES);
        this.#bytes.latin1Write(name, this.#bodyAt);
        const childNumber = child === null || child === undefined ? 0 : numbered.indexOf(child);
        this.#scanner.addField(number, field, name.length, shape.kinds[field]!, childNumber);
      });
    });
  }
}

/** What scanner.as has room for: asserted when this module is loaded, because a longer table would overwrite others. */
for (const { name, names } of numbered) {
  if (names.length > 32 || names.some((key) => key.length > 16)) throw new RangeError(`Shape ${name} is too large.`);
}
if (numbered.length > 64 || Object.values(KIND).some((kind) => kind > 6)) throw new RangeError('Too many shapes.');
