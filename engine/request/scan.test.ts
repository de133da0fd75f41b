import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bidRequestSchema } from '../../core/openrtb.ts';
import { RequestScan } from './scan.ts';
import { sourceSha256 } from './scanner.wasm.ts';
import { KIND, type Shape, shapes } from './shapes.ts';

const scan = new RequestScan();
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
  if (fault === null) return { request: materialize(shapes.REQUEST, scan.root) };
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

function expectSame(body: Buffer): void {
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
const bodies = fc
  .tuple(requestOf(shapes.REQUEST), spaces)
  .map(([value, space]) => Buffer.from(JSON.stringify(value, null, space)));

/** Changes a few bytes, cuts, doubles or glues: mostly no JSON any more, but sometimes still. */
const mutations = fc.array(
  fc.record({
    at: fc.nat(),
    kind: fc.constantFrom('set', 'delete', 'insert', 'cut', 'escape'),
    byte: fc.oneof(fc.constantFrom(...Buffer.from('{}[]",:\\u0e-+.tfn \n\u0000')), fc.integer({ min: 0, max: 255 })),
  }),
  { minLength: 1, maxLength: 3 },
);

function mutate(body: Buffer, changes: readonly { at: number; kind: string; byte: number }[]): Buffer {
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

// The long form: EVENKEEL_FUZZ_RUNS=100000 npx vitest run --project unit engine/request
const runs = Number(process.env.EVENKEEL_FUZZ_RUNS ?? 1500);
const LONG_MS = 3_600_000;

describe('the scanner', () => {
  const cases: readonly string[] = [
    '{}',
    ' {"id":"1"} ',
    '{"id":"1","id":2}',
    '{"id":"1","id":[]}',
    '{"imp":[{"id":"a"}],"imp":5}',
    '{"device":{"ua":"x"},"device":{"ip":"y"}}',
    '{"\\u0069d":"escaped key"}',
    '{"id":"\\ud83d\\ude00 \\ud800"}',
    '{"tmax":"120","test":true,"at":"x"}',
    '{"tmax":"1\\u0032"}',
    '{"tmax":1e400,"at":-0,"id":1.0}',
    '{"tmax":0.1234567890123456789}',
    '{"tmax":01}',
    '{"tmax":1.}',
    '{"tmax":-}',
    '{"id":"\\x"}',
    '{"id":"a\u0001"}',
    '{"id":"x",}',
    '{"bcat":["IAB1",2,null,{}]}',
    '[]',
    'null',
    '"text"',
    '12',
    '',
    '{',
    '{"a":{"b":[1,2,{"c":"}"}]}}',
    '{"a":tru}',
    '{"__proto__":{"id":"x"},"constructor":1,"id":"y"}',
    '\ufeff{}',
    '{} x',
    '{"id":1}\u0000',
  ];
  it.each(cases)('reads %j as JSON.parse and the schema do', (body) => expectSame(Buffer.from(body)));

  it(`reads ${runs} generated requests like the reference`, { timeout: LONG_MS }, () => {
    fc.assert(fc.property(bodies, expectSame), { numRuns: runs });
  });

  it(`reads ${runs} mutated requests like the reference`, { timeout: LONG_MS }, () => {
    fc.assert(
      fc.property(bodies, mutations, (body, changes) => expectSame(mutate(body, changes))),
      { numRuns: runs },
    );
  });

  it('is compiled from its present source (else: npm run generate)', () => {
    const source = readFileSync(new URL('./scanner.as', import.meta.url));
    expect(createHash('sha256').update(source).digest('hex')).toBe(sourceSha256);
  });

  it('grows for a body that is larger than any before, and reads the next ones', () => {
    const large = Buffer.from(JSON.stringify({ id: 'large', ext: 'x'.repeat(3_000_000), imp: [{ id: '1' }] }));
    expect(scan.scan(large, large.length)).toBe(null);
    expect(scan.text(scan.root, shapes.REQUEST.f.id)).toBe('large');
    expect(scan.count(scan.root, shapes.REQUEST.f.imp)).toBe(1);
    expectSame(Buffer.from('{"id":"next","imp":[{"id":"1"}]}'));
  });

  it('refuses what is too deep or has too many parts, and reads the next request', () => {
    const deep = `{"ext":${'['.repeat(600)}${']'.repeat(600)}}`;
    const wide = `{"imp":[${'{},'.repeat(20_000)}{}]}`;
    for (const body of [deep, wide]) {
      const bytes = Buffer.from(`${body} `);
      expect(scan.scan(bytes, bytes.length - 1)).toBe('too_complex');
    }
    expectSame(Buffer.from('{"id":"next","imp":[{"id":"1"}]}'));
  });

  const fixture = new URL('../../../shared/data/openrtb-requests.jsonl', import.meta.url);
  const present = existsSync(fixture);
  if (!present) console.warn(`skipped: ${fixture.pathname} is not here`);
  it.runIf(present || process.env.EVENKEEL_REQUIRE_ALL_TESTS !== undefined)(
    'reads real requests like the reference',
    () => {
      const lines = readFileSync(fixture, 'utf8').trim().split('\n');
      expect(lines.length).toBeGreaterThan(300);
      for (const line of lines) expectSame(Buffer.from(line));
    },
  );
});
