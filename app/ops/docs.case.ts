import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './deployfiles.case.ts';

export interface Page {
  /** From the project's root. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block of a page, with the comment that stands right before it. */
export interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** `not run: reason`, `run by: file: what of it stands there`, `exit: code`, or null. */
  readonly marker: string | null;
}

/** README, CONTRIBUTING and their like, and everything below docs/. */
export function readPages(): readonly Page[] {
  const top = readdirSync(root).filter((name) => name.endsWith('.md'));
  const all = [
    ...top.map((name) => join(root, name)),
    ...(existsSync(join(root, 'docs')) ? pagesBelow(join(root, 'docs')) : []),
  ];
  return all.map((path) => ({ path: relative(root, path), text: readFileSync(path, 'utf8') }));
}

function pagesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return pagesBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** Fenced blocks in order. */
export function blocksOf({ path, text }: Page): readonly Block[] {
  const blocks: Block[] = [];
  const lines = text.split('\n');
  let marker: string | null = null;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const fence = /^\s*(`{3,})\s*([a-z]*)/.exec(line);
    if (fence === null) {
      if (line.trim() !== '') marker = /^<!--\s*(.+?)\s*-->$/.exec(line.trim())?.[1] ?? null;
      continue;
    }
    const end = lines.findIndex((other, at) => at > i && other.trim() === fence[1]);
    if (end < 0) throw new Error(`${path}:${i + 1}: the block does not end`);
    blocks.push({
      page: path,
      line: i + 1,
      language: fence[2] ?? '',
      text: lines.slice(i + 1, end).join('\n'),
      marker,
    });
    marker = null;
    i = end;
  }
  return blocks;
}

/** The page without its fenced blocks and inline code, where nothing is a link. */
export function prose(text: string): string {
  return text.replace(/^\s*```[\s\S]*?^\s*```/gm, '').replace(/`[^`\n]*`/g, '');
}

/** Commands of a block: of `console` what follows a `$ `, of `sh` every line; lines ending in \ continue. */
export function commandsOf(block: Block): readonly string[] {
  const joined = block.text.replace(/\\\n\s*/g, ' ').split('\n');
  const commands =
    block.language === 'console' ? joined.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2)) : joined;
  return commands
    .map((command) => command.replace(/\s+#\s.*$/, '').trim())
    .filter((command) => command !== '' && !command.startsWith('#'));
}
