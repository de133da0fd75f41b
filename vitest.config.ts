import { defineConfig } from 'vitest/config';

// Two projects: `unit` runs from source beside the code; `e2e` starts built processes and therefore runs one file at a time.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{core,engine,pacing,reporting,loadtest,app}/**/*.test.ts'],
          testTimeout: 20_000,
          pool: 'forks',
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['{core,engine,pacing,reporting,loadtest,app}/**/*.e2e.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          pool: 'forks',
        },
      },
      {
        test: {
          // Minutes each: `npm run test:slow`.
          name: 'slow',
          include: ['{core,engine,pacing,reporting,loadtest,app}/**/*.slow.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          pool: 'forks',
        },
      },
    ],
  },
});
