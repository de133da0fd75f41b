import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../core/packageroot.ts';

/** The folder that holds package.json, from source and from dist/. */
export const projectRoot = packageRoot();

/** The product's version. */
export const version = (JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string })
  .version;
