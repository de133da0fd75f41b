import { systemClock } from '../../core/clock.ts';
import { type OpenLoopTask, startOpenLoop } from './openloop.ts';

// Latency at a fixed rate, of any server: `node openloopchild.js '{"port":8080,"rate":1000}' SECONDS`. Prints JSON.
const usual = { port: 8080, path: '/openrtb2/bid/demo', rate: 1000, connections: 256, seed: 1, requests: 4096 };
const task: OpenLoopTask = { ...usual, ...(JSON.parse(process.argv[2] ?? '{}') as Partial<OpenLoopTask>) };
const seconds = Number(process.argv[3] ?? 10);
const WARM_UP_MS = 2000;
const load = startOpenLoop(task, systemClock);
setTimeout(() => load.reset(), WARM_UP_MS);
setTimeout(
  () => {
    process.stdout.write(`${JSON.stringify({ rate: task.rate, seconds, ...load.totals() })}\n`);
    load.stop();
  },
  WARM_UP_MS + seconds * 1000,
);
