import { createRequire } from 'node:module';
// biome-ignore lint/suspicious/noExplicitAny: temporary
export const uws: any = createRequire(import.meta.url)('uWebSockets.js');
