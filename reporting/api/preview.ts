import { Hono } from 'hono';
import type { Creative } from '../../core/campaign.ts';
import type { ApiEnv, Services } from './context.ts';
import { find } from './entities.ts';

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

/** `GET /creatives/:id/preview`: the ad as a browser shows it. */
export function previewRoutes(services: Services): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/creatives/:id/preview', (c) => {
    const creative = find(services, 'creative', c);
    return c.html(
      `<!doctype html><meta charset="utf-8"><title>${escapeHtml(creative.name)}</title><style>body{margin:0;overflow:hidden;font:14px system-ui}img{display:block}</style>${markup(creative)}`,
      200,
      { 'content-security-policy': adPolicy },
    );
  });
  return app;
}

function markup(creative: Creative): string {
  const { banner, video, native } = creative;
  if (banner !== null && creative.format === 'banner') {
    if (banner.html !== null) return banner.html.replaceAll('${CLICK_URL}', '#');
    return `<img src="${escapeHtml(banner.imageUrl ?? '')}" width="${banner.w}" height="${banner.h}" alt="${escapeHtml(creative.name)}">`;
  }
  if (video?.mediaFiles[0] !== undefined)
    return `<video src="${escapeHtml(video.mediaFiles[0].url)}" controls muted width="100%"></video>`;
  if (native !== null && creative.format === 'native') {
    const image = native.image === null ? '' : `<img src="${escapeHtml(native.image.url)}" width="100%" alt="">`;
    const lines = [native.title, native.description, native.callToAction].map((line) => `<p>${escapeHtml(line)}</p>`);
    return `${image}<small>Sponsored by ${escapeHtml(native.sponsoredBy)}</small>${lines.join('')}`;
  }
  return `<p>No preview of ${escapeHtml(creative.format)} ads.</p>`;
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
