import { runOpenLoop, startServer } from './children.ts';
import { bidder } from './contestants.ts';

export interface SoakOptions {
  readonly lineItems: number;
  readonly ratePerSecond: number;
  /** Of each part that is reported, seconds. */
  readonly partSeconds: number;
  /** Parts that count, after the one that warms up. */
  readonly parts: number;
  readonly onProgress: (text: string) => void;
}

/** One part of a soak. */
export interface SoakPart {
  readonly answeredPerSecond: number;
  readonly p99Ms: number;
  readonly rssMegabytes: number;
  /** Longest major collection since the soak began to count, milliseconds. */
  readonly longestMajorMs: number;
}

export interface SoakResult {
  readonly v: 1;
  readonly bench: 'soak';
  readonly parts: readonly SoakPart[];
  /** Highest memory of a part over the lowest, less one. */
  readonly rssGrowth: number;
  readonly ok: boolean;
}

const MOST_GROWTH = 0.05;
const MOST_MAJOR_MS = 5;

/** A bidder at a steady rate for long: its memory stays flat and no major collection holds it up. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { ratePerSecond, partSeconds, onProgress } = options;
  const server = await startServer({ ...bidder(options.lineItems, 'uws', true), pin: null });
  const parts: SoakPart[] = [];
  try {
    for (let part = 0; part <= options.parts; part++) {
      onProgress(`part ${part} of ${options.parts}${part === 0 ? ', warming up' : ''}`);
      const task = { port: server.port, path: '/openrtb2/bid/demo', rate: ratePerSecond, connections: 64 };
      const { answered, latencyMs } = await runOpenLoop(task, partSeconds);
      const { rssBytes } = await server.usage();
      if (part === 0) server.gc.resetLongest();
      else {
        const { longestMajorMs } = server.gc.totals();
        const rssMegabytes = Math.round(rssBytes / 1e6);
        parts.push({ answeredPerSecond: answered / partSeconds, p99Ms: latencyMs.p99, rssMegabytes, longestMajorMs });
      }
    }
  } finally {
    await server.stop();
  }
  const rss = parts.map(({ rssMegabytes }) => rssMegabytes);
  const rssGrowth = Math.max(...rss) / Math.min(...rss) - 1;
  const longest = Math.max(...parts.map(({ longestMajorMs }) => longestMajorMs));
  return { v: 1, bench: 'soak', parts, rssGrowth, ok: rssGrowth <= MOST_GROWTH && longest <= MOST_MAJOR_MS };
}

/** The result for people. */
export function soakTable({ parts, rssGrowth, ok }: SoakResult): string {
  const rows = parts.map(
    ({ answeredPerSecond, p99Ms, rssMegabytes, longestMajorMs }, i) =>
      `| ${i + 1} | ${answeredPerSecond.toFixed(0)} | ${p99Ms.toFixed(2)} | ${rssMegabytes} | ${longestMajorMs.toFixed(1)} |`,
  );
  const head = '| part | answered/s | p99 ms | RSS MB | longest major GC ms |\n|---:|---:|---:|---:|---:|';
  const verdict = `${ok ? 'held' : 'MISSED'}: RSS within 5 % (${(rssGrowth * 100).toFixed(1)} %), major collections up to 5 ms`;
  return `${head}\n${rows.join('\n')}\n\n${verdict}`;
}
