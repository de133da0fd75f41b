import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

describe('the compiled scanner', () => {
  it('is what the locked compiler makes of its source (else: npm run generate)', async () => {
    const script = new URL('../../scripts/wasm.mjs', import.meta.url).href;
    const { compile } = (await import(script)) as { compile(source: string): Promise<string> };
    const kept = readFileSync(new URL('./scanner.wasm.ts', import.meta.url), 'utf8');
    expect(await compile('engine/request/scanner.as')).toBe(kept);
  });
});
