/** Totals read from V8's `--trace-gc-nvp` lines, all isolates of a process together. */
export interface GcTotals {
  readonly allocatedBytes: number;
  /** Of all threads but the first to collect, which is the main thread. */
  readonly workerBytes: number;
  readonly minor: number;
  readonly major: number;
  readonly minorPauseMs: number;
  readonly majorPauseMs: number;
  readonly longestMinorMs: number;
  readonly longestMajorMs: number;
}

export interface GcTrace {
  /** Text of the process's standard output, in any pieces. */
  take(text: string): void;
  totals(): GcTotals;
  /** Forgets the longest pauses, so that those of warm-up do not count. */
  resetLongest(): void;
}

/** Bytes allocated are exact up to the last collection: measure over many. */
export function createGcTrace(): GcTrace {
  let rest = '';
  let main: string | undefined;
  const total = {
    allocatedBytes: 0,
    workerBytes: 0,
    minor: 0,
    major: 0,
    minorPauseMs: 0,
    majorPauseMs: 0,
    longestMinorMs: 0,
    longestMajorMs: 0,
  };

  function takeLine(line: string): void {
    const pause = numberOf(line, ' pause=');
    const kind = /\bgc=(\w+)/.exec(line)?.[1];
    if (pause === null || kind === undefined) return;
    const bytes = numberOf(line, ' allocated=') ?? 0;
    const isolate = /\[\d+:(0x[0-9a-f]+)/.exec(line)?.[1] ?? '';
    main ??= isolate;
    total.allocatedBytes += bytes;
    if (isolate !== main) total.workerBytes += bytes;
    if (kind === 's') {
      total.minor++;
      total.minorPauseMs += pause;
      total.longestMinorMs = Math.max(total.longestMinorMs, pause);
    } else {
      total.major++;
      total.majorPauseMs += pause;
      total.longestMajorMs = Math.max(total.longestMajorMs, pause);
    }
  }

  return {
    take(text) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) takeLine(line);
    },
    totals: () => ({ ...total }),
    resetLongest() {
      total.longestMinorMs = 0;
      total.longestMajorMs = 0;
    },
  };
}

function numberOf(line: string, name: string): number | null {
  const at = line.indexOf(name);
  if (at === -1) return null;
  const value = Number.parseFloat(line.slice(at + name.length));
  return Number.isFinite(value) ? value : null;
}
