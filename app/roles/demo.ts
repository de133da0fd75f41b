import { systemRandom } from '../../core/random.ts';
import { startTraffic } from '../../loadtest/demo.ts';
import type { Context } from '../context.ts';
import { stopOnSignal } from '../lifecycle.ts';
import { tellSupervisor } from '../messages.ts';

/** Simulated exchange traffic against our own bid server, and what it saw, for the status line. */
export async function runDemo({ config, clock, logger, own }: Context): Promise<void> {
  const bidUrl = own['bid-url'] ?? `http://${config.host}:${config.bidPort}`;
  const traffic = startTraffic(
    { url: `${bidUrl}/openrtb2/bid/demo`, rps: config.demoRate },
    {
      clock,
      random: systemRandom(),
      onStatus: (status) =>
        tellSupervisor({
          kind: 'status',
          numbers: {
            requestsPerSecond: status.rps,
            p99Ms: status.p99Ms,
            bids: status.bids,
            wins: status.wins,
            errors: status.errors,
            spend: Number(status.spendNanos / 1000n) / 1_000_000,
          },
        }),
    },
  );
  stopOnSignal({ traffic: { stop: async () => void (await traffic.stop()) } }, logger);
  tellSupervisor({ kind: 'ready', urls: {}, notes: [] });
}
