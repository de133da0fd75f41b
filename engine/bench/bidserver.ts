import { pino } from 'pino';
import { Registry } from 'prom-client';
import { answerUsage } from '../../core/benchusage.ts';
import { systemClock } from '../../core/clock.ts';
import { systemRandom } from '../../core/random.ts';
import { type CampaignChange, campaignChangeKey } from '../../core/topics.ts';
import { startBidder } from '../bidder.ts';
import { defaultBidderConfig } from '../config.ts';
import { lowerMainThread } from '../main/priority.ts';
import { inSlices } from '../main/slices.ts';
import { createGrants, createInventory } from './inventory.ts';
import { createMemoryLog } from './memorylog.ts';

// Our bidder as it runs in production, but for a log in memory: `node bidserver.js '{"lineItems":10000}'`.
interface Task {
  readonly lineItems: number;
  readonly transport?: 'uws' | 'node';
  readonly threads?: number;
  /** Refuse what comes too late, as in production; not while the cost of a bid is measured. */
  readonly shedding?: boolean;
}

const task = JSON.parse(process.argv[2] ?? '{}') as Task;
const clock = systemClock;
const log = createMemoryLog(clock);
const inventory = createInventory({ seed: 1, lineItems: task.lineItems });
await log.append(
  'campaigns',
  inventory.changes.map((change) => ({
    key: campaignChangeKey(change),
    value: Buffer.from(JSON.stringify(change)),
  })),
);
let reloads = 0;
const startedMs = clock.monotonicMs();
const bidder = await startBidder(
  {
    ...defaultBidderConfig,
    port: 0,
    threads: task.threads ?? 1,
    transport: task.transport ?? 'auto',
    ...(task.shedding === true ? {} : { maxLagMs: 60_000 }),
    limits: {
      ...defaultBidderConfig.limits,
      maxLineItems: Math.max(defaultBidderConfig.limits.maxLineItems, 2 * task.lineItems),
      maxCells: Math.max(defaultBidderConfig.limits.maxCells, 3 * task.lineItems),
    },
    tokenKeys: [{ id: 1, secret: Buffer.from('benchmark benchmark benchmark 32') }],
  },
  {
    log,
    clock,
    random: systemRandom(),
    logger: pino({ level: 'warn' }, pino.destination(2)),
    metrics: new Registry(),
    onFatal(error) {
      console.error(error);
      process.exit(1);
    },
  },
);
while (!bidder.isReady()) await new Promise((resolve) => setTimeout(resolve, 5));
const readyMs = clock.monotonicMs() - startedMs;
// Grants name the node, which is new with every start; the pacer would send them within a second.
await log.append(
  'pacing',
  createGrants(inventory, bidder.node, clock.nowMs()).map((message) => ({
    key: message.owner,
    value: Buffer.from(JSON.stringify(message)),
  })),
);
await new Promise((resolve) => setTimeout(resolve, 300));
process.send?.({
  kind: 'ready',
  port: bidder.port,
  note: `${bidder.transport}, ready after ${Math.round(readyMs)} ms`,
});
// A reload of everything: every line item comes again with another name, as a new version.
process.on('message', (message) => {
  if (message !== 'reload') return;
  const times = ++reloads;
  // Whoever changes campaigns is another process: what writing them costs must not show here.
  void inSlices(
    inventory.changes,
    () => true,
    () => clock.monotonicMs(),
    (change) => {
      const value = Buffer.from(JSON.stringify(reloaded(change, times)));
      void log.append('campaigns', [{ key: campaignChangeKey(change), value }]);
    },
  );
});
lowerMainThread();
answerUsage(() => {
  void bidder.stop().then(() => log.close());
});

function reloaded(change: CampaignChange, times: number): CampaignChange {
  if (change.kind !== 'line_item' && change.kind !== 'creative') return change;
  const entity = { ...change.entity, version: change.entity.version + times, name: `${change.entity.name} again` };
  return { kind: change.kind, entity } as CampaignChange;
}
