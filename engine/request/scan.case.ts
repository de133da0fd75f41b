import fc from 'fast-check';
import { expect } from 'vitest';
import { bidRequestSchema } from '../../core/openrtb.ts';
import { RequestScan } from './scan.ts';
import { KIND, type Shape, shapes } from './shapes.ts';

/** The scanner under test. */
export const scan = new RequestScan();
const buffer = Buffer.alloc(1 << 20);

/** Everything the scanner kept, as a plain object: what the reference must give too. */
function materialize(shape: Shape, node: number): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  shape.names.forEach((name, field) => {
    if (!scan.has(node, field)) return;
    const kind = shape.kinds[field];
    const child = shape.children[field];
    if (kind === KIND.num) found[name] = scan.num(node, field);
    else if (kind === KIND.text) found[name] = scan.text(node, field);
    else if (kind === KIND.object) found[name] = materialize(child!, scan.object(node, field));
    else {
      const items: unknown[] = [];
      for (let item = scan.first(node, field); item !== 0; item = scan.next(item)) {
        if (kind === KIND.nums) items.push(scan.itemNum(item));
        else if (kind === KIND.texts) items.push(scan.itemText(item));
        else items.push(materialize(child!, scan.itemNode(item)));
      }
      expect(scan.count(node, field)).toBe(items.length);
      found[name] = items;
    }
  });
  return found;
}

type Reading = { readonly fault: 'malformed' | 'not_an_object' } | { readonly request: unknown };

function byScanner(body: Buffer): Reading {
  body.copy(buffer);
  const fault = scan.scan(buffer, body.length);
  const first = scan.root;
  // Behind another one, whether that could be read or not, it is read the same and leaves the other as it was.
  expect(scan.hasRoom ? scan.add(buffer, body.length) : fault).toBe(fault);
  if (fault === null) {
    const request = materialize(shapes.REQUEST, first);
    expect(materialize(shapes.REQUEST, scan.root)).toEqual(request);
    return { request };
  }
  return { fault: fault === 'not_an_object' ? 'not_an_object' : 'malformed' };
}

function byReference(body: Buffer): Reading {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return { fault: 'malformed' };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return { fault: 'not_an_object' };
  return { request: bidRequestSchema.parse(parsed) };
}

/** Fails unless the scanner reads a body as `JSON.parse` and the schema do. */
export function expectSame(body: Buffer): void {
  expect(byScanner(body), body.toString('utf8')).toEqual(byReference(body));
}

/** A value for a field: mostly of its kind, sometimes of another. */
function valueFor(shape: Shape, field: number, depth: number): fc.Arbitrary<unknown> {
  const odd = fc.jsonValue({ maxDepth: 2 });
  const number = fc.oneof(
    fc.integer({ min: -5, max: 2000 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.boolean(),
  );
  const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.integer());
  const child = shape.children[field];
  const kinds: Record<number, () => fc.Arbitrary<unknown>> = {
    [KIND.num]: () => number,
    [KIND.text]: () => text,
    [KIND.nums]: () => fc.array(number, { maxLength: 4 }),
    [KIND.texts]: () => fc.array(text, { maxLength: 4 }),
    [KIND.object]: () => (depth > 4 ? odd : requestOf(child!, depth + 1)),
    [KIND.objects]: () => (depth > 4 ? odd : fc.array(requestOf(child!, depth + 1), { maxLength: 2 })),
  };
  return fc.oneof({ weight: 9, arbitrary: kinds[shape.kinds[field]!]!() }, { weight: 1, arbitrary: odd });
}

function requestOf(shape: Shape, depth = 0): fc.Arbitrary<unknown> {
  const fields = fc.subarray(shape.names.map((name, field) => ({ name, field })));
  return fields.chain((chosen) =>
    fc
      .tuple(fc.tuple(...chosen.map(({ field }) => valueFor(shape, field, depth))), fc.jsonValue({ maxDepth: 3 }))
      .map(([values, ext]) => ({ ...Object.fromEntries(chosen.map(({ name }, i) => [name, values[i]])), ext2: ext })),
  );
}

const spaces = fc.constantFrom(undefined, 1, '\t', '\n \r');
/** Generated requests: every field now and then, mostly of its kind. */
export const bodies = fc
  .tuple(requestOf(shapes.REQUEST), spaces)
  .map(([value, space]) => Buffer.from(JSON.stringify(value, null, space)));

/** A few changes of bytes, cuts, insertions: mostly no JSON any more, but sometimes still. */
export const mutations = fc.array(
  fc.record({
    at: fc.nat(),
    kind: fc.constantFrom('set', 'delete', 'insert', 'cut', 'escape'),
    byte: fc.oneof(fc.constantFrom(...Buffer.from('{}[]",:\\u0e-+.tfn \n\u0000')), fc.integer({ min: 0, max: 255 })),
  }),
  { minLength: 1, maxLength: 3 },
);

export function mutate(body: Buffer, changes: readonly { at: number; kind: string; byte: number }[]): Buffer {
  let bytes = [...body];
  for (const { at, kind, byte } of changes) {
    const position = at % (bytes.length + 1);
    if (kind === 'set') bytes[position] = byte;
    else if (kind === 'delete') bytes.splice(position, 1);
    else if (kind === 'insert') bytes.splice(position, 0, byte);
    else if (kind === 'cut') bytes = bytes.slice(0, position);
    else bytes.splice(position, 1, ...Buffer.from(`\\u00${(bytes[position] ?? 0x41).toString(16).padStart(2, '0')}`));
  }
  return Buffer.from(bytes);
}
