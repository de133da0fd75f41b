import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Hono } from 'hono';
import { z } from 'zod';
import { audited } from './audit.ts';
import { type ApiContext, type ApiEnv, requireWriter, type Services } from './context.ts';
import { imageInfo, imageMimes } from './imageinfo.ts';
import { invalidField, Problem } from './problem.ts';

/** Exchanges want initial loads of at most 150–200 KB (IAB); what is larger than this is refused. */
const MAX_IMAGE_BYTES = 512 * 1024;
const MAX_SIDE = 10_000;
const MAX_IMAGES = 20_000;

export const uploadedImageSchema = z.strictObject({
  /** Where the image can be had by everybody; what a creative names. */
  url: z.string(),
  mime: z.string(),
  w: z.int(),
  h: z.int(),
  bytes: z.int(),
});

export interface ImageOptions {
  /** Folder of the images, each named for its content. */
  readonly dir: string;
  /** `https://ads.example.com`, before `/files/…`; null takes the address the upload was sent to. */
  readonly publicUrl: string | null;
}

/** `POST /images`: keeps the picture of an ad. What it shows is public; who uploaded what is not told. */
export function imageRoutes({ documents, clock }: Services, { dir, publicUrl }: ImageOptions): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post('/images', async (c) => {
    requireWriter(c.get('principal'));
    const bytes = await imageBytes(c);
    const info = imageInfo(bytes);
    if (info === null) throw invalidField('(body)', 'must be a PNG, JPEG, GIF or WebP image');
    if (info.w > MAX_SIDE || info.h > MAX_SIDE)
      throw invalidField('(body)', `may have at most ${MAX_SIDE} pixels a side`);
    const name = `${createHash('sha256').update(bytes).digest('hex').slice(0, 40)}.${info.type}`;
    if (documents.get('image', name) === undefined) {
      if (documents.list('image', { limit: MAX_IMAGES }).length >= MAX_IMAGES)
        throw new Problem(409, 'too_many_entities', `This server keeps at most ${MAX_IMAGES} images.`);
      mkdirSync(dir, { recursive: true });
      await writeFile(join(dir, `${name}.part`), bytes);
      await rename(join(dir, `${name}.part`), join(dir, name));
      const change = { kind: 'image', id: name, name, action: 'create', after: { bytes: bytes.length } } as const;
      const put = () => documents.put('image', name, { atMs: clock.nowMs(), by: c.get('principal').keyId });
      await audited({ documents, clock }, c, change, put);
    }
    const url = `${publicUrl ?? new URL(c.req.url).origin}/files/${name}`;
    return c.json({ url, mime: imageMimes[info.type], w: info.w, h: info.h, bytes: bytes.length }, 201);
  });
  return app;
}

async function imageBytes(c: ApiContext): Promise<Buffer> {
  if (!/^image\//i.test(c.req.header('content-type') ?? ''))
    throw new Problem(415, 'unsupported_media_type', 'Send the image itself, with its Content-Type: image/png …');
  const bytes = Buffer.from(await c.req.arrayBuffer());
  if (bytes.length > MAX_IMAGE_BYTES)
    throw new Problem(413, 'body_too_large', `An image may have at most ${MAX_IMAGE_BYTES / 1024} KB.`);
  return bytes;
}

/** `/files/NAME`: the images, for browsers anywhere; named for their content, so they never change. */
export function imageFileRoutes({ dir }: ImageOptions): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/files/:name', async (c) => {
    const match = /^[0-9a-f]{40}\.(png|jpg|gif|webp)$/.exec(c.req.param('name'));
    const path = match === null ? null : join(dir, match[0]);
    if (path === null || !(await stat(path).catch(() => null))) return c.notFound();
    return c.body(new Uint8Array(await readFile(path)), 200, {
      'content-type': imageMimes[match![1] as keyof typeof imageMimes],
      'cache-control': 'public, max-age=31536000, immutable',
      'content-security-policy': "default-src 'none'",
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    });
  });
  return app;
}
