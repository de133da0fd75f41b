// `npm run sbom`: writes dist/sbom.cdx.json, the CycloneDX list of everything that is shipped, from the lock file.
// `--print` writes it to standard output instead.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const done = spawnSync('npm', ['sbom', '--sbom-format=cyclonedx', '--omit=dev', '--package-lock-only'], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 64 * 2 ** 20,
  shell: process.platform === 'win32',
});
if (done.status !== 0) {
  console.error(done.stderr || done.error?.message);
  process.exit(1);
}
const bom = JSON.parse(done.stdout);
// npm names the folder; the product has a name of its own.
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
Object.assign(bom.metadata.component, { name, version, type: 'application' });
const text = `${JSON.stringify(bom, null, 2)}\n`;
if (process.argv.includes('--print')) process.stdout.write(text);
else {
  mkdirSync(join(root, 'dist'), { recursive: true });
  const path = join(root, 'dist', 'sbom.cdx.json');
  writeFileSync(path, text);
  console.log(`${path}: ${bom.components.length} components`);
}
