import { describe, expect, it } from 'vitest';
import { reportDimensionNames, reportMetricNames } from '../../core/report.ts';
import { dimensionLabels, metricLabels } from './src/labels.ts';

describe('the report page', () => {
  it('offers everything that can be asked for, and nothing else', () => {
    expect(Object.keys(dimensionLabels).sort()).toEqual([...reportDimensionNames].sort());
    expect(Object.keys(metricLabels).sort()).toEqual([...reportMetricNames].sort());
  });
});
