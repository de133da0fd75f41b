import * as hdr from 'hdr-histogram-js';

/** Latencies in whole microseconds, three significant digits, up to ten minutes. */
export interface Latencies {
  recordMs(ms: number): void;
  /** A percentile in ms, 0 when nothing was recorded. */
  percentileMs(percentile: number): number;
  readonly count: number;
  readonly maxMs: number;
  readonly meanMs: number;
  add(other: Latencies): void;
  reset(): void;
  /** Compressed base64, as HDR tools read it; '' when empty. */
  encode(): string;
  readonly histogram: hdr.Histogram;
  destroy(): void;
}

const HIGHEST_US = 600_000_000;
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
    recordMs: (ms) => histogram.recordValue(Math.min(HIGHEST_US, Math.max(1, Math.round(ms * 1000)))),
    percentileMs: (percentile) => (histogram.totalCount === 0 ? 0 : histogram.getValueAtPercentile(percentile) / 1000),
    get count() {
      return histogram.totalCount;
    },
    get maxMs() {
      return histogram.totalCount === 0 ? 0 : histogram.maxValue / 1000;
    },
    get meanMs() {
      return histogram.totalCount === 0 ? 0 : histogram.mean / 1000;
    },
    add: (other) => histogram.add(other.histogram),
    reset: () => histogram.reset(),
    encode: () => (histogram.totalCount === 0 ? '' : hdr.encodeIntoCompressedBase64(histogram as hdr.WasmHistogram)),
    destroy: () => histogram.destroy(),
  };
}
