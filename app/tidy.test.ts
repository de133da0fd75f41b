import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folders = ['core', 'engine', 'pacing', 'reporting', 'loadtest', 'app'] as const;
const MAX_LINES = 400;

interface SourceFile {
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  readonly code: string;
  readonly imports: readonly string[];
  readonly isTest: boolean;
}

const files = folders.flatMap((folder) => sourceFiles(join(root, folder), folder));
const product = files.filter((file) => !file.isTest);

/** Packages that only some files may import; the value says which. */
const packageRooms: Readonly<Record<string, RegExp>> = {
  'uWebSockets.js': /^engine\/[^/]+(\/[^/]+)*\.ts$/,
  'uws-next': /^engine\/[^/]+(\/[^/]+)*\.ts$/,
  kafkajs: /^reporting\/log\/kafka\.ts$/,
  '@clickhouse/client': /^reporting\/store\//,
  chdb: /^reporting\/store\//,
};

/** What only one file may touch, so that tests and simulations can own it. */
const ambient: readonly { readonly pattern: RegExp; readonly room: RegExp; readonly instead: string }[] = [
  { pattern: /\bDate\.now\b|\bnew Date\(\)/, room: /^core\/clock\.ts$/, instead: 'a Clock' },
  { pattern: /\bMath\.random\b/, room: /^core\/random\.ts$/, instead: 'a Random' },
  { pattern: /\bprocess\.env\b/, room: /^app\/config(\/[^/]+)?\.ts$|^app\/config\//, instead: 'the configuration' },
];

describe('the house is tidy', () => {
  it('visits every source file', () => {
    expect(files.length).toBeGreaterThanOrEqual(17);
  });

  it('lets data flow one way: only app imports across folders', () => {
    const wrong: string[] = [];
    for (const file of files) {
      for (const imported of file.imports.filter((name) => name.startsWith('.'))) {
        const target = relative(root, join(root, dirname(file.path), imported)).split(sep)[0] ?? '';
        const allowed =
          file.folder === 'app' || target === file.folder || (target === 'core' && file.folder !== 'core');
        if (!allowed) wrong.push(`${file.path} imports ${imported}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('keeps each infrastructure package in its room', () => {
    const wrong: string[] = [];
    for (const [name, room] of Object.entries(packageRooms)) {
      const users = product.filter((file) => importsPackage(file, name));
      wrong.push(...users.filter((file) => !room.test(file.path)).map((file) => `${file.path} imports ${name}`));
      if (name === 'uWebSockets.js') expect(users.length, 'one file loads uWebSockets.js').toBeLessThanOrEqual(1);
    }
    expect(wrong).toEqual([]);
  });

  it('keeps the core free of servers and databases', () => {
    const allowed = /^(node:(crypto|perf_hooks|util|zlib|url|path|fs)|zod|\.)/;
    const wrong = product
      .filter((file) => file.folder === 'core')
      .flatMap((file) =>
        file.imports.filter((name) => !allowed.test(name)).map((name) => `${file.path} imports ${name}`),
      );
    expect(wrong).toEqual([]);
  });

  it('takes time, randomness and environment from their ports', () => {
    const wrong = product.flatMap((file) =>
      ambient
        .filter(({ pattern, room }) => pattern.test(file.code) && !room.test(file.path))
        .map(({ instead }) => `${file.path} must use ${instead}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has no default exports, barrels or drawers for odds and ends', () => {
    const wrong: string[] = [];
    for (const file of files) {
      if (/^export default\b/m.test(file.code)) wrong.push(`${file.path} has a default export`);
      if (/\/(index|utils?|helpers?|common|misc)\.tsx?$/.test(file.path))
        wrong.push(`${file.path} is named for nothing`);
    }
    expect(wrong).toEqual([]);
  });

  it(`has no file over ${MAX_LINES} lines`, () => {
    const long = files
      .map((file) => [file.path, file.text.split('\n').length - 1] as const)
      .filter(([, lines]) => lines > MAX_LINES);
    expect(long).toEqual([]);
  });

  it('lets no test be skipped or narrowed for good', () => {
    const wrong = files
      .filter((file) => file.isTest && !file.path.startsWith('app/tidy'))
      .filter((file) => /\b(it|test|describe)\.(only|todo|skip)\b/.test(file.code))
      .map((file) => file.path);
    expect(wrong).toEqual([]);
  });
});

function importsPackage(file: SourceFile, name: string): boolean {
  return file.imports.some((imported) => imported === name || imported.startsWith(`${name}/`));
}

function sourceFiles(folder: string, top: string): SourceFile[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : sourceFiles(path, top);
    return /\.tsx?$/.test(entry.name) ? [readSource(path, top)] : [];
  });
}

function readSource(path: string, folder: string): SourceFile {
  const text = readFileSync(path, 'utf8');
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const imports = [
    ...code.matchAll(/\bfrom\s+'([^']+)'|\bimport\s*\(\s*'([^']+)'|^import\s+'([^']+)'|\brequire\('([^']+)'\)/gm),
  ].map((match) => match[1] ?? match[2] ?? match[3] ?? match[4] ?? '');
  const relativePath = relative(root, path).split(sep).join('/');
  return {
    path: relativePath,
    folder,
    text,
    code,
    imports,
    isTest: /\.(test|e2e|timed|slow|soak|case)\.tsx?$/.test(path),
  };
}
