import { defineConfig } from 'vitest/config';

const folders = '{core,engine,pacing,reporting,loadtest,app}';
// How long to wait for what must come is no bar: a test that has one names it.
const processes = {
  testTimeout: 300_000,
  hookTimeout: 120_000,
  pool: 'forks',
  expect: { poll: { timeout: 60_000 } },
} as const;

// `unit` runs from source beside the code; `e2e` starts built processes; `timed` judges times on the wall and therefore
// has the machine to itself; `slow` takes minutes each (`npm run test:slow`),
// `soak` half an hour (`npm run soak`).
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [`${folders}/**/*.test.ts`],
          // A hang is found as well after a minute, and a busy machine is no fault of a test.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          pool: 'forks',
          maxWorkers: 2,
        },
      },
      { test: { name: 'e2e', include: [`${folders}/**/*.e2e.ts`], ...processes, maxWorkers: 2 } },
      { test: { name: 'timed', include: [`${folders}/**/*.timed.ts`], ...processes, fileParallelism: false } },
      { test: { name: 'soak', include: [`${folders}/**/*.soak.ts`], ...processes, fileParallelism: false } },
      { test: { name: 'slow', include: [`${folders}/**/*.slow.ts`], ...processes, fileParallelism: false } },
    ],
  },
});
