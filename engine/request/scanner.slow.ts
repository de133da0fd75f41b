import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

describe('what is compiled from AssemblyScript', () => {
  it.each(['engine/request/scanner', 'engine/match/search', 'engine/privacy/userlanes'])(
    'is what the locked compiler makes of its source (else: npm run generate): %s',
    async (path) => {
      const script = new URL('../../scripts/wasm.mjs', import.meta.url).href;
      const { compile } = (await import(script)) as { compile(source: string): Promise<string> };
      const kept = readFileSync(new URL(`../../${path}.wasm.ts`, import.meta.url), 'utf8');
      expect(await compile(`${path}.as`)).toBe(kept);
    },
  );
});
