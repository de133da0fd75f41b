import { vi } from 'vitest';
import { allReports, testSums } from './rollup.case.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

testSums({ days: 3, rows: 200, questions: allReports });
