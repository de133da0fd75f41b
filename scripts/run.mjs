// `npm start`, `npm run loadtest`, `npm run bench`: install and build when needed, then run the command line.
import { build } from './build.mjs';

build();
await import('./evenkeel.mjs');
