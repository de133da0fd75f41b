import { describe, expect, it } from 'vitest';
import { reportDimensionNames, reportDimensions, reportMetricNames, reportMetrics } from '../../core/report.ts';
import type { ReportRow } from './src/data.ts';
import { dimensionLabels, metricLabels } from './src/labels.ts';
import { mixFault } from './src/reportmix.ts';
import { sortedRows } from './src/sorting.ts';

describe('the report page', () => {
  it('offers everything that can be asked for, and nothing else', () => {
    expect(Object.keys(dimensionLabels).sort()).toEqual([...reportDimensionNames].sort());
    expect(Object.keys(metricLabels).sort()).toEqual([...reportMetricNames].sort());
  });

  it('offers no mix of measures and dimensions that the store refuses, and refuses no other', () => {
    for (const metric of reportMetricNames) {
      const { from } = reportMetrics[metric];
      for (const dimension of reportDimensionNames) {
        const known = reportDimensions[dimension];
        const mixes = (from === 'bids' || known.events) && (from === 'events' || known.bids);
        expect(mixFault(metric, dimension) === '', `${metric} by ${dimension}`).toBe(mixes);
      }
    }
  });

  it('sorts by how far rows are from the period before', () => {
    const row = (name: string, clicks: number, before: number | null) =>
      ({ name, clicks, previous: before === null ? {} : { clicks: before } }) as unknown as ReportRow;
    const rows = [row('half', 5, 10), row('new', 1, 0), row('none', 0, 0), row('double', 20, 10)];
    const names = (down: boolean) => sortedRows(rows, { by: 'clicks', change: true, down }).map(({ name }) => name);
    expect(names(true)).toEqual(['new', 'double', 'half', 'none']);
    expect(names(false)).toEqual(['half', 'double', 'new', 'none']);
    expect(sortedRows(rows, { by: 'name', change: false, down: true })[0]?.name).toBe('none');
  });
});
