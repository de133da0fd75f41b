import { randomBytes } from 'node:crypto';
import { Hono } from 'hono';
import { z } from 'zod';
import { type Creative, creativeSchema } from '../../core/campaign.ts';
import { type ApiEnv, jsonBody, requireWriter, type Services } from './context.ts';
import { find } from './entities.ts';
import { invalidInput, Problem } from './problem.ts';

/**
 * An ad may load its own things, but lives in an origin of its own: it can not read this site's cookies, storage or
 * pages, open windows, or lead the page away.
 */
const adPolicy = [
  'sandbox allow-scripts',
  "default-src 'none'",
  'img-src https: http: data:',
  'media-src https: http: data:',
  "style-src 'unsafe-inline' https:",
  "script-src 'unsafe-inline' https:",
  'font-src https: data:',
  "frame-ancestors 'self'",
].join('; ');

const { format, banner, video, audio, native } = creativeSchema.shape;
export const newPreviewSchema = z.strictObject({ format, banner, video, audio, native });
type Asset = Pick<Creative, 'format' | 'banner' | 'video' | 'audio' | 'native'>;

/** Drafts of all people together; 64 KB of HTML each at most. */
export const MAX_DRAFTS = 200;
const DRAFT_MS = 300_000;

/**
 * `GET /creatives/:id/preview`: the ad as a browser shows it. `POST /previews` and `GET /previews/:id`: the same of an ad
 * that is not saved yet, kept in memory for a while, for nobody but the sender.
 */
export function previewRoutes(services: Services): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const drafts = new Map<string, { readonly keyId: string; readonly atMs: number; readonly asset: Asset }>();
  app.get('/creatives/:id/preview', (c) => {
    const creative = find(services, 'creative', c);
    return c.html(document(creative.name, creative), 200, { 'content-security-policy': adPolicy });
  });
  app.post('/previews', async (c) => {
    const principal = c.get('principal');
    requireWriter(principal);
    const parsed = newPreviewSchema.safeParse(await jsonBody(c));
    if (!parsed.success) throw invalidInput(parsed.error);
    const [oldest] = drafts.keys();
    if (drafts.size >= MAX_DRAFTS && oldest !== undefined) drafts.delete(oldest);
    const id = randomBytes(16).toString('hex');
    drafts.set(id, { keyId: principal.keyId, atMs: services.clock.nowMs(), asset: parsed.data });
    return c.json({ id }, 201);
  });
  app.get('/previews/:id', (c) => {
    const draft = drafts.get(c.req.param('id'));
    const isOwn = draft?.keyId === c.get('principal').keyId && services.clock.nowMs() - draft.atMs < DRAFT_MS;
    if (draft === undefined || !isOwn) throw new Problem(404, 'not_found', 'There is no such preview.');
    return c.html(document('Preview', draft.asset), 200, { 'content-security-policy': adPolicy });
  });
  return app;
}

function document(name: string, asset: Asset): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(name)}</title><style>body{margin:0;overflow:hidden;font:14px system-ui}img{display:block}video,audio{width:100%}p,small{margin:6px 8px;display:block}</style>${markup(name, asset)}`;
}

function markup(name: string, asset: Asset): string {
  const { banner, video, audio, native } = asset;
  if (banner !== null && asset.format === 'banner') {
    if (banner.html !== null) return banner.html.replaceAll('${CLICK_URL}', '#');
    return `<img src="${escapeHtml(banner.imageUrl ?? '')}" width="${banner.w}" height="${banner.h}" alt="${escapeHtml(name)}">`;
  }
  const linear = asset.format === 'audio' ? audio : asset.format === 'video' ? video : null;
  if (linear !== null) {
    const [file] = linear.mediaFiles;
    if (file === undefined) return '<p>What the tag of the other server shows is known when it is asked.</p>';
    const kind = asset.format === 'audio' ? 'audio' : 'video';
    return `<${kind} src="${escapeHtml(file.url)}" controls muted preload="metadata"></${kind}>`;
  }
  if (native !== null && asset.format === 'native') {
    const image = native.image === null ? '' : `<img src="${escapeHtml(native.image.url)}" width="100%" alt="">`;
    const lines = [native.title, native.description, native.callToAction].map((line) => `<p>${escapeHtml(line)}</p>`);
    return `${image}<small>Sponsored by ${escapeHtml(native.sponsoredBy)}</small>${lines.join('')}`;
  }
  return `<p>No preview of ${escapeHtml(asset.format)} ads.</p>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for HTML content and quoted attributes. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}
