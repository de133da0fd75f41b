import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { settings } from '../config/table.ts';
import { knownVariables, PINNED, read, root } from './deployfiles.case.ts';

interface Instruction {
  readonly keyword: string;
  readonly rest: string;
}

/** Instructions of a Dockerfile by stage; continued lines are joined, comments dropped. */
function readStages(text: string): Instruction[][] {
  const lines = text.replace(/^\s*#.*$/gm, '').replace(/\\\n/g, ' ');
  const stages: Instruction[][] = [];
  for (const line of lines.split('\n').map((one) => one.trim())) {
    const match = /^([A-Z]+)\s+(.*)$/.exec(line);
    if (line === '') continue;
    if (match === null) throw new Error(`not an instruction: ${line}`);
    const instruction = { keyword: match[1] ?? '', rest: match[2] ?? '' };
    if (instruction.keyword === 'FROM') stages.push([]);
    stages.at(-1)?.push(instruction);
  }
  return stages;
}

const stages = readStages(read('deploy/Dockerfile'));
const all = stages.flat();
const image = stages.at(-1) ?? [];
const rests = (from: readonly Instruction[], keyword: string): string[] =>
  from.filter((instruction) => instruction.keyword === keyword).map((instruction) => instruction.rest);

describe('the Dockerfile', () => {
  it('pins its base images', () => {
    expect(rests(all, 'FROM').length).toBe(3);
    for (const from of rests(all, 'FROM')) expect(from.split(' ')[0]).toMatch(PINNED);
  });

  it('runs as a numbered user who is not root, with one folder of its own', () => {
    const user = image.findLastIndex((instruction) => instruction.keyword === 'USER');
    expect(image[user]?.rest).toMatch(/^[1-9]\d+:[1-9]\d+$/);
    expect(image.slice(user).some((instruction) => ['RUN', 'COPY'].includes(instruction.keyword))).toBe(false);
    expect(rests(image, 'VOLUME')).toEqual(['/data']);
    expect(rests(image, 'ENV').join(' ')).toContain('EVENKEEL_DATA_DIR=/data');
  });

  it('gets signals itself and tells its health with node alone', () => {
    expect(JSON.parse(rests(image, 'ENTRYPOINT')[0] ?? '')[0]).toBe('node');
    expect(JSON.parse(rests(image, 'CMD').at(-1) ?? '')).toEqual(['run', '--role=bidder']);
    const health = /CMD (\[.*\])$/.exec(rests(image, 'HEALTHCHECK')[0] ?? '')?.[1];
    const [program, script] = JSON.parse(health ?? '[]') as string[];
    expect(program).toBe('node');
    expect(existsSync(join(root, script ?? ''))).toBe(true);
  });

  it('exposes the default ports and sets only variables that exist', () => {
    expect(rests(image, 'EXPOSE')).toEqual([`${settings.bidPort.fallback} ${settings.apiPort.fallback}`]);
    for (const [name] of rests(image, 'ENV')
      .join(' ')
      .matchAll(/\b[A-Z][A-Z_]+(?==)/g))
      expect(knownVariables).toContain(name);
  });

  it('holds no secret, fetches nothing, and copies only what the ignore file lets through', () => {
    expect(rests(all, 'ADD')).toEqual([]);
    expect(rests(all, 'ARG')).toEqual([]);
    expect(rests(all, 'ENV').join(' ')).not.toMatch(/KEY|PASSWORD|SECRET|TOKEN=/);
    expect(rests(all, 'RUN').join(' ')).not.toMatch(/curl|wget|apt|sudo/);
    const allowed = read('deploy/Dockerfile.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = rests(all, 'COPY').filter((rest) => !rest.startsWith('--from='));
    expect(copied.length).toBeGreaterThan(5);
    for (const source of copied.flatMap((rest) => rest.split(/\s+/).slice(0, -1))) {
      expect(
        allowed.some((path) => source === path || source.startsWith(`${path}/`)),
        source,
      ).toBe(true);
      expect(existsSync(join(root, source)), source).toBe(true);
    }
  });
});
