import { vi } from 'vitest';
import { fewReports, testSums } from './rollup.case.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

// All reports, and more of everything: rollup.slow.ts.
testSums({ days: 2, rows: 70, questions: fewReports });
