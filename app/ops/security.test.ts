import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read, root } from './deployfiles.case.ts';

const rows = read('docs/security.md')
  .split('\n')
  .filter((line) => line.startsWith('| **'))
  .map((line) => line.replace(/^\| | \|$/g, '').split(' | '))
  .map(([threat = '', defence = '', shownBy = '']) => ({ threat, defence, shownBy }));

/** What tests are called in a file: the texts that a call of it, test or describe begins with; none that is skipped. */
function titlesOf(source: string): string {
  const calls = source.matchAll(
    /\b(?:it|test|describe)(?:\.(?!skip|todo)\w+(?:<[^>]*>)?\([\s\S]{0,2000}?\))?\(\s*(?:'((?:[^'\\\n]|\\.)*)'|`([^`]*)`|"([^"\n]*)")/g,
  );
  return [...calls].map((call) => call[1] ?? call[2] ?? call[3] ?? '').join('\n');
}

describe('docs/security.md', () => {
  it('covers the threats we know of', () => {
    const text = rows.map((row) => row.threat).join('\n');
    for (const word of [
      'notices',
      'Replay',
      'Price',
      'spoofing',
      'audience',
      'API abuse',
      'supply chain',
      'Secrets',
      'user ids',
    ])
      expect(text).toContain(word);
  });

  it.each(rows)('shows a test for: $threat', ({ shownBy }) => {
    const references = shownBy.split('<br>');
    expect(references.length).toBeGreaterThan(0);
    for (const reference of references) {
      const [, file = '', title = ''] = /^`([^`]+\.(?:test|e2e|timed|slow|case)\.ts)`: (.+)$/.exec(reference) ?? [];
      expect(file, reference).not.toBe('');
      expect(existsSync(join(root, file)), file).toBe(true);
      expect(titlesOf(read(file)), `${file} has a test “${title}”`).toContain(title);
    }
  });
});
