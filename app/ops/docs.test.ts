import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../commands/table.ts';
import { read, root } from './deployfiles.case.ts';
import { blocksOf, commandsOf, prose, readPages } from './docs.case.ts';

const pages = readPages();
const blocks = pages.flatMap(blocksOf);
const shell = blocks.filter((block) => ['sh', 'console', 'bash', 'shell'].includes(block.language));

/** How GitHub makes an anchor of a heading. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#{1,6}\s+(.*)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}

describe('the documentation', () => {
  it('has pages to check', () => {
    expect(pages.map((page) => page.path)).toEqual(expect.arrayContaining(['README.md', 'docs/configuration.md']));
  });

  it('links only to what exists', () => {
    const broken: string[] = [];
    for (const page of pages) {
      for (const match of prose(page.text).matchAll(/\]\(([^)\s]+)\)/g)) {
        const [target = '', anchor] = (match[1] ?? '').split('#');
        if (/^[a-z]+:/.test(target)) continue;
        const path = target === '' ? page.path : join(dirname(page.path), target);
        if (!existsSync(join(root, path))) broken.push(`${page.path} → ${target}`);
        else if (anchor !== undefined && statSync(join(root, path)).isFile() && path.endsWith('.md')) {
          const text = pages.find((other) => other.path === path)?.text ?? '';
          if (!anchorsOf(text).includes(anchor)) broken.push(`${page.path} → ${path}#${anchor}`);
        }
      }
    }
    expect(broken).toEqual([]);
  });

  it('marks commands as shell, so that they are run or say why not', () => {
    const unmarked = blocks
      .filter((block) => block.language === '')
      .filter((block) => /^\s*(\$ )?(npm|npx|node|curl|docker|kubectl|evenkeel|kill) /m.test(block.text))
      .map((block) => `${block.page}:${block.line}`);
    expect(unmarked).toEqual([]);
    expect(shell.filter((block) => ['bash', 'shell'].includes(block.language)).map((block) => block.page)).toEqual([]);
  });

  it('uses only the known markers, with a reason or a test that exists', () => {
    expect(shell.length).toBeGreaterThan(0);
    for (const block of shell.filter(({ marker }) => marker !== null)) {
      const [, kind, rest = ''] = /^(not run|run by|exit): (.+)$/.exec(block.marker ?? '') ?? [];
      expect(kind, `${block.page}:${block.line} <!-- ${block.marker} -->`).toBeDefined();
      if (kind === 'not run') expect(rest.length, 'a reason').toBeGreaterThan(10);
      if (kind === 'run by') {
        const [, file = '', what = ''] = /^(\S+): (.+)$/.exec(rest) ?? [];
        expect(what, `${block.page}:${block.line} says what of it the test runs`).not.toBe('');
        expect(block.text, `${block.page}:${block.line}`).toContain(what);
        expect(read(file), `${file} runs ${what}`).toContain(what);
      }
    }
  });

  it('names only commands and scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const wrong: string[] = [];
    for (const block of shell) {
      for (const command of commandsOf(block)) {
        const name = /(?:^|\s)(?:npx )?evenkeel ([a-z]+)/.exec(command)?.[1];
        if (name !== undefined && !(name in commands) && !['help', 'version'].includes(name))
          wrong.push(`${block.page}:${block.line} evenkeel ${name}`);
        const script = /^npm (?:run )?([a-z:]+)/.exec(command)?.[1];
        if (script !== undefined && !(script in scripts)) wrong.push(`${block.page}:${block.line} npm ${script}`);
        const path = /^npx vitest (?:run )?(?:--project \w+ )?(\S+)/.exec(command)?.[1];
        if (path !== undefined && !existsSync(join(root, path))) wrong.push(`${block.page}:${block.line} ${path}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
