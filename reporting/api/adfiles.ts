import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, statSync } from 'node:fs';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Hono } from 'hono';
import { z } from 'zod';
import { audited } from './audit.ts';
import { type ApiContext, type ApiEnv, requireWriter, type Services } from './context.ts';
import { imageMimes } from './imageinfo.ts';
import { mediaMimes } from './mediainfo.ts';
import { Problem } from './problem.ts';

/** Media types by the end of a file's name. */
export const adFileMimes: Readonly<Record<string, string>> = { ...imageMimes, ...mediaMimes };

export interface AdFileOptions {
  /** Folder of the files, each named for its content. */
  readonly dir: string;
  /** `https://ads.example.com`, before `/files/…`; null takes the address the upload was sent to. */
  readonly publicUrl: string | null;
}

/** One kind of upload. */
interface AdFileKind {
  /** Collection of the documents that say who brought which. */
  readonly kept: 'image' | 'media';
  readonly mime: RegExp;
  readonly maxBytes: number;
  /** Of this kind on this server. */
  readonly maxFiles: number;
}

/** The bytes of an upload. @throws Problem unsupported_media_type | body_too_large */
export async function adFileBytes(c: ApiContext, { mime, maxBytes, kept }: AdFileKind): Promise<Buffer> {
  requireWriter(c.get('principal'));
  if (!mime.test(c.req.header('content-type') ?? ''))
    throw new Problem(
      415,
      'unsupported_media_type',
      'Send the file itself, with its Content-Type: image/png, video/mp4 …',
    );
  const bytes = Buffer.from(await c.req.arrayBuffer());
  if (bytes.length > maxBytes)
    throw new Problem(413, 'body_too_large', `An ${kept} file may have at most ${Math.round(maxBytes / 1024)} KB.`);
  return bytes;
}

/** What is kept of a file, beside its bytes. */
const keptFileSchema = z.object({
  /** When it came first. */
  atMs: z.int(),
  /** Who brought it: advertisers, and null for those who see all. Whoever takes it back leaves it to the others. */
  owners: z.array(z.int().nullable()).default([null]),
  /** Pixels; 0 where there are none. */
  w: z.int().default(0),
  h: z.int().default(0),
  durationSeconds: z.int().nullable().default(null),
});

/** A file of ads. */
export interface KeptFile extends z.infer<typeof keptFileSchema> {
  readonly name: string;
  readonly kind: AdFileKind['kept'];
}

/** What a file shows, as it was read from it. */
type Shown = Pick<KeptFile, 'w' | 'h' | 'durationSeconds'> & { readonly type: string };

/** The folder of files of ads, and how much more of them it takes. */
export interface Shelf {
  /**
   * Keeps a file under the name of its content; resolves to where everybody can have it.
   * @throws Problem too_many_entities | ad_files_full
   */
  keep(c: ApiContext, kind: AdFileKind, bytes: Buffer, shown: Shown): Promise<string>;
  /** All that is kept. */
  list(): readonly KeptFile[];
  get(name: string): KeptFile | undefined;
  /** Bytes of a file; 0 when it is gone. */
  size(name: string): Promise<number>;
  /** Leaves a file to the owners that are named; without one it is gone. */
  leaveTo(c: ApiContext, file: KeptFile, owners: readonly (number | null)[]): Promise<void>;
  /** Where everybody can have a file. */
  urlOf(c: ApiContext, name: string): string;
}

const kinds = ['image', 'media'] as const;
const MAX_LISTED = 100_000;

/** Looks at the folder once, which nobody else writes to; from then on it counts. */
export function openShelf(
  { documents, clock, limits, directory }: Pick<Services, 'documents' | 'clock' | 'limits' | 'directory'>,
  { dir, publicUrl }: AdFileOptions,
): Shelf {
  mkdirSync(dir, { recursive: true });
  const { maxAdFilesBytes } = limits;
  let used = readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
  const write = async ({ kept, maxFiles }: AdFileKind, bytes: Buffer, name: string): Promise<void> => {
    if (documents.list(kept, { limit: maxFiles }).length >= maxFiles)
      throw new Problem(409, 'too_many_entities', `This server keeps at most ${maxFiles} such files.`);
    if (used + bytes.length > maxAdFilesBytes)
      throw new Problem(409, 'ad_files_full', {
        detail: `This server keeps at most ${megabytes(maxAdFilesBytes)} of files of ads and has ${megabytes(used)}; this one has ${megabytes(bytes.length)}. Delete files that no ad uses, ask the operators to raise adFilesMaxBytes, or name a file on a server of your own.`,
      });
    // Taken before the first wait, so that uploads that arrive together do not all see the same room.
    used += bytes.length;
    try {
      await writeFile(join(dir, `${name}.part`), bytes);
      await rename(join(dir, `${name}.part`), join(dir, name));
    } catch (error) {
      used -= bytes.length;
      throw error;
    }
  };
  const size = async (name: string): Promise<number> => (await stat(join(dir, name)).catch(() => undefined))?.size ?? 0;
  const fileOf = (kind: KeptFile['kind'], name: string, value: unknown): KeptFile => ({
    ...keptFileSchema.parse(value),
    name,
    kind,
  });
  const get = (name: string): KeptFile | undefined => {
    for (const kind of kinds) {
      const value = documents.get(kind, name);
      if (value !== undefined) return fileOf(kind, name, value);
    }
    return undefined;
  };
  const change = (c: ApiContext, { kind, name, ...after }: KeptFile, old?: KeptFile): Promise<void> => {
    const before = old === undefined ? {} : { owners: old.owners };
    const told = old === undefined ? after : { owners: after.owners };
    const action = old === undefined ? 'create' : 'update';
    const entry = { kind, id: name, name, action, before, after: told } as const;
    return audited({ documents, clock }, c, entry, () => documents.put(kind, name, after));
  };
  const urlOf = (c: ApiContext, name: string): string => `${publicUrl ?? new URL(c.req.url).origin}/files/${name}`;
  return {
    urlOf,
    size,
    get,
    list: () =>
      kinds.flatMap((kind) =>
        documents.list(kind, { limit: MAX_LISTED }).map(({ id, value }) => fileOf(kind, id, value)),
      ),
    async keep(c, kind, bytes, { type, ...shown }) {
      const name = `${createHash('sha256').update(bytes).digest('hex').slice(0, 40)}.${type}`;
      const owner = c.get('principal').advertiserId;
      await directory.exclusive(async () => {
        const file = get(name);
        if (file?.owners.includes(owner)) return;
        if (file === undefined) await write(kind, bytes, name);
        const made = { ...shown, name, kind: kind.kept, atMs: clock.nowMs(), owners: [owner] };
        await change(c, file === undefined ? made : { ...file, owners: [...file.owners, owner] }, file);
      });
      return urlOf(c, name);
    },
    async leaveTo(c, file, owners) {
      if (owners.length > 0) return change(c, { ...file, owners: [...owners] }, file);
      const { kind, name, ...before } = file;
      const bytes = await size(name);
      // Forgotten first: a file that is left over by a fault is written anew by its next upload.
      const forget = () => documents.remove(kind, name);
      await audited({ documents, clock }, c, { kind, id: name, name, action: 'delete', before }, forget);
      await rm(join(dir, name), { force: true });
      used -= bytes;
    },
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** `/files/NAME`: files of ads, for browsers anywhere, whole or a range; named for their content, so they never change. */
export function adFileRoutes({ dir }: AdFileOptions): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/files/:name', async (c) => {
    const match = /^[0-9a-f]{40}\.([a-z0-9]{3,4})$/.exec(c.req.param('name'));
    const mime = adFileMimes[match?.[1] ?? ''];
    const path = match === null || mime === undefined ? null : join(dir, match[0]);
    const size = path === null ? undefined : (await stat(path).catch(() => undefined))?.size;
    if (path === null || mime === undefined || size === undefined) return c.notFound();
    const headers = {
      'content-type': mime,
      'cache-control': 'public, max-age=31536000, immutable',
      'content-security-policy': "default-src 'none'",
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
    };
    const range = rangeOf(c.req.header('range'), size);
    if (range === 'unsatisfiable') return c.body(null, 416, { 'content-range': `bytes */${size}` });
    const { from, to } = range ?? { from: 0, to: size - 1 };
    const part = { 'content-range': `bytes ${from}-${to}/${size}` };
    // Of a HEAD request the server sends nothing of it.
    const body = Readable.toWeb(createReadStream(path, { start: from, end: to })) as ReadableStream;
    return c.body(body, range === null ? 200 : 206, {
      ...headers,
      'content-length': String(to - from + 1),
      ...(range === null ? {} : part),
    });
  });
  return app;
}

/** One range of bytes (RFC 9110), as players ask for; null for the whole file, also when several are asked for. */
function rangeOf(header: string | undefined, size: number): { from: number; to: number } | 'unsatisfiable' | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return null;
  const [first, last] = [match[1]!, match[2]!];
  const from = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === '' || last === '' ? size - 1 : Math.min(size - 1, Number(last));
  return from > to ? 'unsatisfiable' : { from, to };
}
