import { Hono } from 'hono';
import { z } from 'zod';
import { adFileBytes, type Shelf } from './adfiles.ts';
import type { ApiEnv } from './context.ts';
import { imageInfo, imageMimes } from './imageinfo.ts';
import { mediaInfo, mediaMimes } from './mediainfo.ts';
import { invalidField } from './problem.ts';

/** Exchanges want initial loads of at most 150–200 KB (IAB); what is larger than this is refused. */
const images = { kept: 'image', mime: /^image\//i, maxBytes: 512 * 1024, maxFiles: 20_000 } as const;
/** A minute of video at 2.5 Mbit/s. */
export const MAX_MEDIA_BYTES = 20 * 1024 * 1024;
const media = { kept: 'media', mime: /^(video|audio)\//i, maxBytes: MAX_MEDIA_BYTES, maxFiles: 1000 } as const;
const MAX_SIDE = 10_000;
const MAX_SECONDS = 3600;

export const uploadedImageSchema = z.strictObject({
  /** Where the image can be had by everybody; what a creative names. */
  url: z.string(),
  mime: z.string(),
  w: z.int(),
  h: z.int(),
  bytes: z.int(),
});

export const uploadedMediaSchema = uploadedImageSchema.extend({
  /** Whole seconds, rounded. */
  durationSeconds: z.int(),
  bitrateKbps: z.int(),
});

/** `POST /images` and `POST /media`: keep the files of ads. What they show is public; who brought what is told to nobody else. */
export function uploadRoutes(shelf: Pick<Shelf, 'keep'>): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post('/images', async (c) => {
    const bytes = await adFileBytes(c, images);
    const info = imageInfo(bytes);
    if (info === null) throw invalidField('(body)', 'must be a PNG, JPEG, GIF or WebP image');
    refuseHuge(info);
    const url = await shelf.keep(c, images, bytes, { ...info, durationSeconds: null });
    return c.json({ url, mime: imageMimes[info.type], w: info.w, h: info.h, bytes: bytes.length }, 201);
  });
  app.post('/media', async (c) => {
    const bytes = await adFileBytes(c, media);
    const info = mediaInfo(bytes);
    if (info === null) throw invalidField('(body)', 'must be an MP4, WebM, M4A or MP3 file that says how long it is');
    refuseHuge(info);
    if (info.seconds > MAX_SECONDS) throw invalidField('(body)', `may last at most ${MAX_SECONDS} seconds`);
    const durationSeconds = Math.max(1, Math.round(info.seconds));
    const { w, h, type } = info;
    const url = await shelf.keep(c, media, bytes, { w, h, type, durationSeconds });
    const bitrateKbps = Math.min(200_000, Math.max(1, Math.round((bytes.length * 8) / info.seconds / 1000)));
    return c.json({ url, mime: mediaMimes[type], w, h, bytes: bytes.length, durationSeconds, bitrateKbps }, 201);
  });
  return app;
}

function refuseHuge({ w, h }: { w: number; h: number }): void {
  if (w > MAX_SIDE || h > MAX_SIDE) throw invalidField('(body)', `may have at most ${MAX_SIDE} pixels a side`);
}
