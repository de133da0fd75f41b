import type { StepHistogram } from '../run/collector.ts';

/**
 * Histograms of every step in the HDR log format, version 1.2, which HdrHistogram's log processors and plotters read:
 * `"start seconds","length seconds","max",histogram`. Values are microseconds, so "max" is in ms.
 */
export function hdrLog(
  histograms: readonly StepHistogram[],
  startedMs: number,
  intervalMs: number,
  version: string,
): string {
  const lines = [
    `#[Logged with Evenkeel loadtest ${version}]`,
    '#[Histogram log format version 1.2]',
    `#[StartTime: ${(startedMs / 1000).toFixed(3)} (seconds since epoch), ${new Date(startedMs).toISOString()}]`,
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ...histograms.map(
      ({ atMs, maxMs, base64 }) =>
        `${(atMs / 1000).toFixed(3)},${(intervalMs / 1000).toFixed(3)},${maxMs.toFixed(3)},${base64}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}
