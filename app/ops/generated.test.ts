import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { generatedFiles } from './generated.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('generated files', () => {
  it.each(Object.entries(generatedFiles()))('%s is what the code makes (else: npm run generate)', (path, text) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(text);
  });
});
