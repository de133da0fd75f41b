import * as hdr from 'hdr-histogram-js';
import type { LatencyCounts } from './recorder.ts';
import { HIGHEST_US } from './recorder.ts';

/** Latencies in whole microseconds, three significant digits, up to ten minutes. */
export interface Latencies {
  /** A percentile in ms, 0 when nothing was recorded. */
  percentileMs(percentile: number): number;
  readonly count: number;
  readonly maxMs: number;
  readonly meanMs: number;
  /** What a sender recorded. */
  addCounts(recorded: LatencyCounts): void;
  reset(): void;
  /** Compressed base64, as HDR tools read it; '' when empty. */
  encode(): string;
  readonly histogram: hdr.Histogram;
  destroy(): void;
}

let wasmReady = false;

/** WebAssembly memory is not collected: call `destroy` when done. */
export function createLatencies(): Latencies {
  if (!wasmReady) hdr.initWebAssemblySync();
  wasmReady = true;
  return wrap(
    hdr.build({
      bitBucketSize: 32,
      autoResize: false,
      lowestDiscernibleValue: 1,
      highestTrackableValue: HIGHEST_US,
      numberOfSignificantValueDigits: 3,
      useWebAssembly: true,
    }),
  );
}

function wrap(histogram: hdr.Histogram): Latencies {
  return {
    histogram,
    percentileMs(percentile) {
      if (histogram.totalCount === 0) return 0;
      // A percentile is the highest value of its bucket, which may be more than anything recorded.
      return Math.min(histogram.getValueAtPercentile(percentile), histogram.maxValue) / 1000;
    },
    get count() {
      return histogram.totalCount;
    },
    get maxMs() {
      return histogram.totalCount === 0 ? 0 : histogram.maxValue / 1000;
    },
    get meanMs() {
      return histogram.totalCount === 0 ? 0 : histogram.mean / 1000;
    },
    addCounts({ values, counts }) {
      for (let i = 0; i < values.length; i++) histogram.recordValueWithCount(values[i]!, counts[i]!);
    },
    reset: () => histogram.reset(),
    encode: () => (histogram.totalCount === 0 ? '' : hdr.encodeIntoCompressedBase64(histogram as hdr.WasmHistogram)),
    destroy: () => histogram.destroy(),
  };
}
