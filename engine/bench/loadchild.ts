import { type ClosedLoopTask, startClosedLoop } from './closedloop.ts';

// The process that plays the exchange: `node loadchild.js '{"port":…}'`. Answers every message with its totals.
const load = startClosedLoop(JSON.parse(process.argv[2] ?? '{}') as ClosedLoopTask);
process.on('message', (message) => {
  if (message === 'totals') process.send?.({ kind: 'totals', totals: load.totals() });
});
process.on('disconnect', () => {
  load.stop();
  process.exit(0);
});
process.send?.({ kind: 'ready', port: 0 });
