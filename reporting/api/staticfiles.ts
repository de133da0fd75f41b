import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Hono } from 'hono';
import type { ApiEnv } from './context.ts';

interface StaticFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly gzipped: Uint8Array<ArrayBuffer> | null;
  readonly type: string;
  readonly etag: string;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
};
const MAX_FILES = 500;

/** Scripts, styles and data from this server only; ads are shown in frames that are sandboxed. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "frame-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * The built dashboard. Its files are read once, so that a request can name nothing else on the disk; a path that names no
 * file gets the page, which routes by itself.
 */
export function staticRoutes(directory: string): Hono<ApiEnv> {
  const files = readFiles(directory);
  const app = new Hono<ApiEnv>();
  app.get('*', (c) => {
    const path = c.req.path === '/' ? '/index.html' : c.req.path;
    const page =
      extname(path) === ''
        ? (files.get(`${path.replace(/\/$/, '')}/index.html`) ?? files.get('/index.html'))
        : undefined;
    const file = files.get(path) ?? page;
    if (file === undefined) {
      return files.size === 0 ? c.text('The dashboard is not built: run `npm run build`.', 503) : c.notFound();
    }
    const immutable = path.startsWith('/assets/');
    c.header('cache-control', immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
    c.header('content-security-policy', pagePolicy);
    c.header('x-content-type-options', 'nosniff');
    c.header('referrer-policy', 'no-referrer');
    c.header('etag', file.etag);
    c.header('vary', 'accept-encoding');
    if (c.req.header('if-none-match') === file.etag) return c.body(null, 304);
    c.header('content-type', file.type);
    if (file.gzipped === null || !/\bgzip\b/.test(c.req.header('accept-encoding') ?? '')) return c.body(file.body);
    c.header('content-encoding', 'gzip');
    return c.body(file.gzipped);
  });
  return app;
}

function readFiles(directory: string): ReadonlyMap<string, StaticFile> {
  const files = new Map<string, StaticFile>();
  if (!existsSync(directory)) return files;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const type = types[extname(entry.name)];
    if (!entry.isFile() || type === undefined || files.size >= MAX_FILES) continue;
    const path = join(entry.parentPath, entry.name);
    const body = new Uint8Array(readFileSync(path));
    const gzipped = /text|json|svg/.test(type) ? new Uint8Array(gzipSync(body)) : null;
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    files.set(`/${relative(directory, path).split(sep).join('/')}`, { body, gzipped, type, etag });
  }
  return files;
}
