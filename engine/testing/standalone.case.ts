import { startBidder } from '../bidder.ts';
import { defaultBidderConfig } from '../config.ts';
import { grant, publish, smallInventory } from './inventory.case.ts';
import { createMemoryLog } from './memorylog.case.ts';
import { quietDeps } from './quietdeps.case.ts';

// A bidder in a process of its own, on a log in memory: prints its port, stops at SIGTERM, must then end by itself;
// fails at SIGUSR2 and must end with 3.
const log = createMemoryLog();
await publish(log, smallInventory());
const bidder = await startBidder(
  {
    ...defaultBidderConfig,
    port: 0,
    threads: 2,
    transport: process.argv[2] === 'node' ? 'node' : 'auto',
    tokenKeys: [{ id: 1, secret: Buffer.from('standalone test key, 32 bytes!!!') }],
  },
  {
    ...quietDeps(log),
    onFatal(error) {
      console.log(String(error));
      process.exit(3);
    },
  },
);
await grant(log, bidder.node, [100], 1_000_000_000_000n);
// Something it can not go on without fails: a record of the log that stops its reader.
process.on('SIGUSR2', () => log.breakReaders());
process.on('SIGTERM', () => {
  void bidder.stop().then(() => {
    const stats = log.records('bidstats').map(({ value }) => JSON.parse(String(value)));
    const answered = stats.reduce((sum, { answered }) => sum + answered, 0);
    const last = stats.at(-1);
    console.log(
      JSON.stringify({ answered, events: log.records('events').length, final: last.final, cells: last.cells }),
    );
  });
});
console.log(JSON.stringify({ port: bidder.port, transport: bidder.transport }));
