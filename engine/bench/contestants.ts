import type { Clock } from '../../core/clock.ts';
import { builtScript, type LoadChild, type ServerChild, startLoad, startServer } from './children.ts';
import { type Cost, measureSlice, sleep } from './gauge.ts';
import { orderOf } from './rounds.ts';

/** One server in the comparison. */
export interface Contestant {
  readonly name: string;
  readonly says: string;
  readonly script: URL;
  readonly args: readonly string[];
  readonly nodeArgs?: readonly string[];
}

export const floors: readonly Contestant[] = [
  floor('uws', 'µWebSockets.js, reads the body, answers fixed 600 bytes'),
  floor('uws-parse', 'the same + JSON.parse of the body'),
  floor('uws-parse-stringify', 'the same + JSON.parse + JSON.stringify of an answer'),
  floor('http-parse', 'node:http + JSON.parse of the body'),
];

function floor(name: string, says: string): Contestant {
  return { name, says, script: builtScript('floorserver'), args: [name] };
}

/** Our bidder with all features on. @param shedding see the script: only where answers and not costs are measured */
export function bidder(lineItems: number, transport: 'uws' | 'node' = 'uws', shedding = false): Contestant {
  const name = `evenkeel-${lineItems}${transport === 'node' ? '-http' : ''}`;
  const over = transport === 'node' ? 'node:http' : 'µWebSockets.js';
  return {
    name,
    says: `the whole bid over ${lineItems.toLocaleString('en')} line items, on ${over}`,
    script: builtScript('bidserver'),
    args: [JSON.stringify({ lineItems, transport, shedding })],
  };
}

export interface RoundsOptions {
  readonly contestants: readonly Contestant[];
  readonly rounds: number;
  readonly sliceMs: number;
  /** Answers before anything is measured: the compiler needs tens of thousands of them. */
  readonly warmUpAnswers: number;
  /** The longest to wait for them, milliseconds. */
  readonly warmUpMs: number;
  readonly connections: number;
  /** Different requests that are repeated. */
  readonly requests: number;
  readonly pin: number | null;
}

/** What was measured of one contestant: one cost a round. */
export interface Measured {
  readonly contestant: Contestant;
  readonly note: string;
  readonly costs: readonly Cost[];
  readonly longestMajorMs: number;
  readonly longestMinorMs: number;
  readonly rssBytes: number;
}

/**
 * Measures all contestants interleaved: every round gives each one slice. All servers stay up, idle ones cost nothing, so
 * each is as warm in the last round as it will ever be.
 */
export async function measureRounds(
  options: RoundsOptions,
  clock: Clock,
  onProgress: (text: string) => void,
): Promise<Measured[]> {
  const servers = new Map<Contestant, ServerChild>();
  const costs = new Map<Contestant, Cost[]>();
  try {
    for (const contestant of options.contestants) {
      onProgress(`starting ${contestant.name}`);
      servers.set(contestant, await startServer({ ...contestant, pin: options.pin }));
      costs.set(contestant, []);
      await warmUp(servers.get(contestant)!, options, clock);
      servers.get(contestant)!.gc.resetLongest();
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const contestant of orderOf(options.contestants, round)) {
        onProgress(`round ${round + 1} of ${options.rounds}: ${contestant.name}`);
        costs.get(contestant)!.push(await slice(servers.get(contestant)!, options, options.sliceMs, clock));
      }
    }
    return await Promise.all(
      options.contestants.map(async (contestant) => {
        const server = servers.get(contestant)!;
        const { longestMajorMs, longestMinorMs } = server.gc.totals();
        const { rssBytes } = await server.usage();
        return {
          contestant,
          note: server.note,
          costs: costs.get(contestant)!,
          longestMajorMs,
          longestMinorMs,
          rssBytes,
        };
      }),
    );
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop()));
  }
}

/** Time for connections to open and both sides to settle before a slice is measured. */
const SETTLE_MS = 150;

async function warmUp(server: ServerChild, options: RoundsOptions, clock: Clock): Promise<void> {
  const load = await loadOn(server, options);
  const untilMs = clock.monotonicMs() + options.warmUpMs;
  do await sleep(100);
  while (clock.monotonicMs() < untilMs && (await load.totals()).answers < options.warmUpAnswers);
  await load.stop();
}

function loadOn(server: ServerChild, options: RoundsOptions): Promise<LoadChild> {
  const { connections, requests, pin } = options;
  return startLoad({ port: server.port, path: '/openrtb2/bid/demo', connections, seed: 1, requests }, pin);
}

async function slice(server: ServerChild, options: RoundsOptions, sliceMs: number, clock: Clock): Promise<Cost> {
  const load = await loadOn(server, options);
  try {
    await sleep(SETTLE_MS);
    return await measureSlice(server, load, sliceMs, clock);
  } finally {
    await load.stop();
  }
}
