import { vi } from 'vitest';
import { allReports, testSums } from './rollup.case.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

testSums({ days: 3, rows: 200, questions: allReports });
