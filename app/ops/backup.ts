import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import {
  copyFile,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { open as openLmdb } from 'lmdb';
import { z } from 'zod';
import { CodedError } from '../../core/errors.ts';

/** Folder of the embedded ClickHouse below the data folder. */
const CLICKHOUSE = 'clickhouse';
const MANIFEST = 'backup.json';
/** LMDB's magic number, near the start of its first page. */
const LMDB_MAGIC = Buffer.from('dec0efbe', 'hex');
const MAX_LISTINGS = 200;
const MAX_FILES = 5_000_000;

const manifestSchema = z.strictObject({
  v: z.literal(1),
  version: z.string(),
  takenMs: z.int(),
  files: z
    .array(z.strictObject({ path: z.string().max(4096), bytes: z.int(), sha256: z.string().length(64) }))
    .max(MAX_FILES),
  links: z.array(z.strictObject({ path: z.string().max(4096), target: z.string().max(4096) })).max(MAX_FILES),
});
export type Manifest = z.infer<typeof manifestSchema>;

/**
 * Copies a data folder while its processes run. Order makes it consistent: ClickHouse first, the log after it, so that
 * whatever the copied store has counted is in the copied log, and ingest goes on from the store's own position.
 * @throws CodedError `backup.exists`, `backup.no_data`, `backup.unsettled`
 */
export async function backUp(dataDir: string, target: string, version: string, nowMs: number): Promise<Manifest> {
  if (!existsSync(join(dataDir, 'secrets.json'))) {
    throw new CodedError('backup.no_data', `${dataDir} is not a data folder.`, 'Name it with --data-dir.');
  }
  if (existsSync(target)) throw new CodedError('backup.exists', `${target} is there already.`, 'Name a new folder.');
  const partial = `${target}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true, mode: 0o700 });
  if (existsSync(join(dataDir, CLICKHOUSE))) await copyClickHouse(join(dataDir, CLICKHOUSE), join(partial, CLICKHOUSE));
  await copyRest(dataDir, partial);
  const manifest = { v: 1 as const, version, takenMs: nowMs, ...(await describe(partial)) };
  await writeDurably(join(partial, MANIFEST), JSON.stringify(manifest));
  await rename(partial, target);
  return manifest;
}

/**
 * Puts a backup back as a new data folder, after checking every byte of it.
 * @throws CodedError `restore.not_empty`, `restore.damaged`, `restore.no_backup`
 */
export async function restore(source: string, dataDir: string): Promise<Manifest> {
  const manifest = await readManifest(source);
  const present = existsSync(dataDir) ? await readdir(dataDir) : [];
  if (present.length > 0) {
    throw new CodedError(
      'restore.not_empty',
      `${dataDir} is not empty.`,
      'Move it away first; nothing is overwritten.',
    );
  }
  const partial = `${dataDir}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true, mode: 0o700 });
  for (const file of manifest.files) {
    const to = inside(partial, file.path);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(inside(source, file.path), to).catch(() => damaged(file.path));
    if ((await stat(to)).size !== file.bytes || (await sha256(to)) !== file.sha256) damaged(file.path);
  }
  for (const { path, target } of manifest.links) {
    await mkdir(dirname(inside(partial, path)), { recursive: true });
    await symlink(target, inside(partial, path));
  }
  await rm(dataDir, { recursive: true, force: true });
  await rename(partial, dataDir);
  return manifest;
}

async function readManifest(source: string): Promise<Manifest> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(join(source, MANIFEST), 'utf8')));
  } catch (error) {
    throw new CodedError(
      'restore.no_backup',
      `${source} is not a finished backup.`,
      'Name a folder that `evenkeel backup` made.',
      error,
    );
  }
}

function damaged(path: string): never {
  throw new CodedError(
    'restore.damaged',
    `${path} is not what was backed up.`,
    'Use another backup; nothing was changed.',
  );
}

/** A path of the manifest below a folder, and nowhere else. */
function inside(folder: string, path: string): string {
  const joined = join(folder, path);
  if (relative(folder, joined).startsWith('..')) damaged(path);
  return joined;
}

/**
 * Parts of a MergeTree table never change once they have their name, and merged ones stay for minutes. What is needed
 * is a listing without holes: two equal ones in a row, since a part that came before another is in every listing that
 * began later.
 */
async function copyClickHouse(from: string, to: string): Promise<void> {
  for (const folder of ['metadata', 'data', 'store']) {
    if (existsSync(join(from, folder))) await copyStable(join(from, folder), join(to, folder), 0);
  }
  await mkdir(join(to, 'tmp'), { recursive: true });
}

async function copyStable(from: string, to: string, depth: number): Promise<void> {
  for (let attempt = 0; attempt < MAX_LISTINGS; attempt++) {
    const names = await stableListing(from);
    await rm(to, { recursive: true, force: true });
    await mkdir(to, { recursive: true });
    try {
      for (const entry of names) await copyEntry(join(from, entry), join(to, entry), depth + 1);
      return;
    } catch (error) {
      // A part that was merged away minutes ago went while we copied: list again.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw unsettled(from);
}

async function copyEntry(from: string, to: string, depth: number): Promise<void> {
  const entry = await lstat(from);
  if (entry.isSymbolicLink()) await symlink(await readlink(from), to);
  else if (entry.isDirectory()) await copyStable(from, to, depth);
  else await copyFile(from, to);
}

async function stableListing(folder: string): Promise<readonly string[]> {
  let before = '';
  for (let attempt = 0; attempt < MAX_LISTINGS; attempt++) {
    const names = (await readdir(folder)).filter((name) => !/^(tmp|delete_tmp|moving|detached$)/.test(name)).sort();
    const now = names.join('\n');
    if (attempt > 0 && now === before) return names;
    before = now;
  }
  throw unsettled(folder);
}

function unsettled(folder: string): CodedError {
  return new CodedError('backup.unsettled', `${folder} changes too fast to be copied.`, 'Try again.');
}

/** Everything but ClickHouse: LMDB by its own consistent copy, other files as they are. */
async function copyRest(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.name === CLICKHOUSE || isLock(entry.name)) continue;
    if (entry.isDirectory()) {
      await mkdir(target, { recursive: true });
      await copyRest(source, target);
    } else if (await isLmdb(source)) await copyLmdb(source, target);
    else if (entry.isFile()) await copyFile(source, target).catch(ignoreGone);
  }
}

const isLock = (name: string): boolean => name === 'lock.mdb' || name.endsWith('-lock');

async function copyLmdb(source: string, target: string): Promise<void> {
  const isFolder = basename(source) === 'data.mdb';
  const env = openLmdb({ path: isFolder ? dirname(source) : source, readOnly: true });
  try {
    await env.backup(isFolder ? dirname(target) : target, false);
  } finally {
    await env.close();
  }
}

async function isLmdb(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0);
    return buffer.subarray(0, bytesRead).includes(LMDB_MAGIC);
  } finally {
    await file.close();
  }
}

/** A file that was replaced or removed meanwhile, such as a temporary one. */
function ignoreGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

async function describe(folder: string): Promise<Pick<Manifest, 'files' | 'links'>> {
  const files: Manifest['files'] = [];
  const links: Manifest['links'] = [];
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const full = join(entry.parentPath, entry.name);
    const path = relative(folder, full);
    if (entry.isSymbolicLink()) links.push({ path, target: await readlink(full) });
    else if (entry.isFile()) files.push({ path, bytes: (await stat(full)).size, sha256: await sha256(full) });
  }
  return { files, links };
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function writeDurably(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600, flush: true });
}
