import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextCache } from './textcache.ts';

const ascii = fc.string({
  unit: fc.integer({ min: 1, max: 126 }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
});

describe('the text cache', () => {
  it.each([1, 4, 2048])('always gives what the text stands for, with %i slots', (slots) => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(ascii, fc.constantFrom('USA', 'usa ', 'DEU', 'IAB1-2')), { maxLength: 80 }),
        (texts) => {
          const cache = new TextCache((text) => `<${text.trim().toUpperCase()}>`, slots);
          for (const text of [...texts, ...texts]) {
            const bytes = Buffer.from(`xx${text}yy`, 'latin1');
            expect(cache.ofAscii(bytes, 2, 2 + text.length)).toBe(`<${text.trim().toUpperCase()}>`);
          }
        },
      ),
    );
  });

  it('makes a text that comes again only once', () => {
    let made = 0;
    const cache = new TextCache((text) => {
      made++;
      return text;
    });
    made = 0;
    const bytes = Buffer.from('site-1.example');
    for (let i = 0; i < 10; i++) expect(cache.ofAscii(bytes, 0, bytes.length)).toBe('site-1.example');
    expect(made).toBe(1);
  });
});
