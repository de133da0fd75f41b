#!/usr/bin/env node
import { existsSync } from 'node:fs';

const cli = new URL('../dist/app/cli.js', import.meta.url);
if (!existsSync(cli)) {
  console.error('evenkeel: not built yet. Run `npm start` or `npm run build` first.');
  process.exit(1);
}
await import(cli.href);
