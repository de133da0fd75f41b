import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blocksOf, commandsOf, readPages } from '../ops/docs.case.ts';
import { type System, startSystem } from './processes.case.ts';

/** Commands of README and docs that are neither marked as not run nor run by another test: they are run here. */
const blocks = readPages()
  .flatMap(blocksOf)
  .filter((block) => ['sh', 'console'].includes(block.language))
  .filter(({ marker }) => marker === null || marker.startsWith('exit: '));

let system: System;
beforeAll(async () => {
  system = await startSystem([], ['--seed-demo']);
});
afterAll(() => system?.stop());

it('finds commands to run', () => {
  expect(blocks.length).toBeGreaterThan(3);
});

it.each(blocks.map((block) => [`${block.page}:${block.line}`, block] as const))('runs %s', (_, block) => {
  // A block is one script, as a reader would paste it.
  const script = block.language === 'console' ? commandsOf(block).join('\n') : block.text;
  const here = script
    .replaceAll('http://127.0.0.1:8080', system.bidUrl)
    .replaceAll('http://127.0.0.1:8090', system.apiUrl);
  const done = spawnSync('bash', ['--norc', '-e', '-c', here], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { PATH: process.env.PATH, KEY: system.operatorKey },
  });
  expect(done.status, `${script}\n${done.stderr}`).toBe(Number(block.marker?.replace('exit: ', '') ?? 0));
  expect(done.stdout, script).not.toMatch(/"status":\s?[45]\d\d/);
});
