import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, statSync } from 'node:fs';
import { rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Hono } from 'hono';
import { audited } from './audit.ts';
import { type ApiContext, type ApiEnv, requireWriter, type Services } from './context.ts';
import { imageMimes } from './imageinfo.ts';
import { mediaMimes } from './mediainfo.ts';
import { Problem } from './problem.ts';

const mimes: Readonly<Record<string, string>> = { ...imageMimes, ...mediaMimes };

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

/** The folder of files of ads, and how much more of them it takes. */
export interface Shelf {
  /**
   * Keeps a file under the name of its content; resolves to where everybody can have it.
   * @throws Problem too_many_entities | ad_files_full
   */
  keep(c: ApiContext, kind: AdFileKind, bytes: Buffer, type: string): Promise<string>;
}

/** Looks at the folder once, which nobody else writes to; from then on it counts. */
export function openShelf(
  { documents, clock, limits }: Pick<Services, 'documents' | 'clock' | 'limits'>,
  { dir, publicUrl }: AdFileOptions,
): Shelf {
  mkdirSync(dir, { recursive: true });
  const { maxAdFilesBytes } = limits;
  let used = readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
  const write = async (c: ApiContext, { kept, maxFiles }: AdFileKind, bytes: Buffer, name: string): Promise<void> => {
    if (documents.list(kept, { limit: maxFiles }).length >= maxFiles)
      throw new Problem(409, 'too_many_entities', `This server keeps at most ${maxFiles} such files.`);
    if (used + bytes.length > maxAdFilesBytes)
      throw new Problem(409, 'ad_files_full', {
        detail: `This server keeps at most ${megabytes(maxAdFilesBytes)} of files of ads and has ${megabytes(used)}; this one has ${megabytes(bytes.length)}. Ask the operators to raise adFilesMaxBytes, or name a file on a server of your own.`,
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
    const change = { kind: kept, id: name, name, action: 'create', after: { bytes: bytes.length } } as const;
    const put = () => documents.put(kept, name, { atMs: clock.nowMs(), by: c.get('principal').keyId });
    await audited({ documents, clock }, c, change, put);
  };
  return {
    async keep(c, kind, bytes, type) {
      const name = `${createHash('sha256').update(bytes).digest('hex').slice(0, 40)}.${type}`;
      if (documents.get(kind.kept, name) === undefined) await write(c, kind, bytes, name);
      return `${publicUrl ?? new URL(c.req.url).origin}/files/${name}`;
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
    const mime = mimes[match?.[1] ?? ''];
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
