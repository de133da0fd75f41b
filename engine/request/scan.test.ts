import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bodies, expectSame, mutate, mutations, scan } from './scan.case.ts';
import { sourceSha256 } from './scanner.wasm.ts';
import { shapes } from './shapes.ts';

// The long form is scan.slow.ts.
const runs = 1500;
const LONG_MS = 120_000;

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
