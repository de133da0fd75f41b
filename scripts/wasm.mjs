// Compiles what is written in AssemblyScript (*.as) to WebAssembly and keeps it as a module beside its source, so that
// neither a start nor a test needs the compiler. `npm run generate` runs it; a unit test says when it was forgotten.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = ['engine/request/scanner.as', 'engine/match/search.as', 'engine/privacy/userlanes.as'];

/** The text of the module that carries a compiled source. */
export async function compile(source) {
  const { default: asc } = await import('assemblyscript/asc');
  const text = readFileSync(join(root, source), 'utf8');
  const entry = `${basename(source, '.as')}.ts`;
  let binary = null;
  const { error, stderr } = await asc.main(
    [entry, '--outFile', 'out.wasm', '-O3', '--enable', 'simd', '--runtime', 'stub', '--importMemory', '--noAssert'],
    {
      readFile: (name) => (basename(name) === entry ? text : null),
      writeFile: (name, contents) => {
        if (name === 'out.wasm') binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || binary === null) throw new Error(`${source}: ${stderr.toString()}`);
  const sha = createHash('sha256').update(text).digest('hex');
  const lines = Buffer.from(binary)
    .toString('base64')
    .match(/.{1,110}/g);
  return [
    `// Made from ${basename(source)} by \`npm run generate\`; do not edit.`,
    `export const sourceSha256 = '${sha}';`,
    'export const wasmBase64 =',
    lines.map((line) => `  '${line}'`).join(' +\n'),
  ]
    .join('\n')
    .concat(';\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const source of sources) {
    writeFileSync(join(root, source.replace(/\.as$/, '.wasm.ts')), await compile(source));
    console.log(source);
  }
}
