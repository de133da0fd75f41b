import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { read, root } from './deployfiles.case.ts';

interface Locked {
  readonly license?: string;
  readonly dev?: boolean;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> };
const all = Object.entries(lock.packages).filter(([path]) => path !== '');
const production = all.filter(([, { dev }]) => dev !== true);

/** Licences that let anybody use the product without conditions beyond keeping their notices. */
const permissive = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Unlicense', 'Zlib', 'CC0-1.0'];
/** Tools that build or test and are not part of what is shipped may have conditions on changes to themselves. */
const tools = [...permissive, 'MPL-2.0', 'CC-BY-4.0', 'BlueOak-1.0.0', 'Python-2.0'];

/** Is an SPDX expression of plain AND and OR satisfied by the allowed licences? */
function allows(expression: string | undefined, allowed: readonly string[]): boolean {
  const text = (expression ?? '').replace(/^\((.*)\)$/, '$1');
  if (text.includes(' OR ')) return text.split(' OR ').some((part) => allows(part, allowed));
  return text.split(' AND ').every((part) => allowed.includes(part.trim()));
}

describe('dependencies', () => {
  it('reads licence expressions', () => {
    expect(allows('(MIT AND Zlib)', permissive)).toBe(true);
    expect(allows('GPL-3.0 OR MIT', permissive)).toBe(true);
    expect(allows('MIT AND GPL-3.0', permissive)).toBe(false);
    expect(allows(undefined, permissive)).toBe(false);
  });

  it('have licences that fit Apache-2.0', () => {
    expect(production.length).toBeGreaterThan(30);
    const wrong = [
      ...production.filter(([, { license }]) => !allows(license, permissive)),
      ...all.filter(([, { license, dev }]) => dev === true && !allows(license, tools)),
    ];
    expect(wrong.map(([path, { license }]) => `${path}: ${license}`)).toEqual([]);
  });

  it('are pinned by integrity hash, from a registry, at exact versions', () => {
    for (const [path, { integrity, link }] of all) if (link !== true) expect(integrity, path).toMatch(/^sha512-/);
    const elsewhere = all.filter(([, { resolved }]) => resolved !== undefined && !/^https:\/\//.test(resolved));
    expect(elsewhere).toEqual([]);
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
      string,
      Record<string, string>
    >;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      expect(version, name).toMatch(/^(npm:(@[a-z0-9-]+\/)?[a-z0-9.-]+@)?\d+\.\d+\.\d+(-[a-z0-9.]+)?$/);
  });

  it('run code while installing only where we know of it; the image forbids even that', () => {
    const scripts = production.filter(([, locked]) => locked.hasInstallScript === true).map(([path]) => path);
    const known = ['bufferutil', 'chdb', 'lmdb', 'msgpackr-extract', 'utf-8-validate'];
    expect(scripts.filter((path) => !known.includes(path.replace(/^.*node_modules\//, '')))).toEqual([]);
    expect(read('deploy/Dockerfile')).toMatch(/NPM_CONFIG_IGNORE_SCRIPTS=true[\s\S]*--ignore-scripts/);
  });

  it('are listed in a CycloneDX bill of materials that names every one that is shipped', () => {
    const done = spawnSync(process.execPath, ['scripts/sbom.mjs', '--print'], { cwd: root, encoding: 'utf8' });
    expect(done.status, done.stderr).toBe(0);
    const bom = JSON.parse(done.stdout) as {
      bomFormat: string;
      metadata: { component: { name: string } };
      components: { name: string; version: string; purl: string; licenses?: object[]; hashes?: object[] }[];
    };
    expect(bom.bomFormat).toBe('CycloneDX');
    expect(bom.metadata.component.name).toBe('evenkeel');
    const named = new Set(bom.components.map(({ purl }) => decodeURIComponent(purl).replace(/^pkg:npm\//, '')));
    const names = Object.keys((JSON.parse(read('package.json')) as { dependencies: object }).dependencies);
    expect(named.size).toBeGreaterThanOrEqual(names.length);
    for (const name of ['kafkajs', 'lmdb', 'chdb', '@clickhouse/client', '@trufflesuite/uws-js-unofficial'])
      expect(
        [...named].some((purl) => purl.startsWith(`${name}@`)),
        name,
      ).toBe(true);
    for (const tool of ['vitest@', 'knip@']) expect([...named].some((purl) => purl.startsWith(tool))).toBe(false);
    for (const component of bom.components) expect(component.hashes?.length, component.name).toBeGreaterThan(0);
  });
});
