import fc from 'fast-check';
import { expect, it } from 'vitest';
import { targetOf } from './target.ts';

function byParser(text: string) {
  if (!URL.canParse(text)) return null;
  const { origin, host, pathname, search } = new URL(text);
  return { origin, host, path: pathname + search };
}

it('takes URLs apart as a whole parser does', () => {
  const part = fc.stringMatching(/^[\w\-.~!$&'()*+,;=:@%/?#"<>{}|\\^` ]{0,30}$/);
  const host = fc.constantFrom(
    'bidder.example',
    '127.0.0.1:8080',
    'a.example:9000',
    'B.example',
    'u@h.example',
    '[::1]:80',
  );
  fc.assert(
    fc.property(fc.constantFrom('http', 'https', 'ftp'), host, part, (scheme, at, path) => {
      const text = `${scheme}://${at}/${path}`;
      expect(targetOf(text)).toEqual(byParser(text));
    }),
    { numRuns: 2000 },
  );
});

it.each([
  '',
  'x',
  '/notice/win',
  'http://',
  'http:///x',
  'http://a b/',
  'http://bidder.example',
  'http://h.example/a/../b',
])('takes %j as a whole parser does', (text) => expect(targetOf(text)).toEqual(byParser(text)));
