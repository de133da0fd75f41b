import { setFlagsFromString } from 'node:v8';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { CodedError } from '../../core/errors.ts';
import type { Truth } from '../market/ledger.ts';
import type { LaneCommand, LaneMessage, LaneTask } from './lanetask.ts';
import { runLane } from './lanetask.ts';

/** Lanes that run somewhere: in threads, or here. */
export interface Lanes {
  /** Resolves when every lane is connected, or has failed. */
  readonly ready: Promise<void>;
  command(command: LaneCommand): void;
  /** The ledgers' sums of each lane, or why it failed. Never rejects. */
  readonly ended: Promise<readonly PromiseSettledResult<Truth>[]>;
}

/**
 * Starts the lanes of a load test, each in a thread of its own, or in this thread when `inThreads` is false.
 * @throws CodedError `loadtest_not_built` when threads are wanted and this is not the built code
 */
export function startLanes(
  tasks: readonly LaneTask[],
  inThreads: boolean,
  onMessage: (message: LaneMessage) => void,
): Lanes {
  if (!inThreads) return startHere(tasks, onMessage);
  if (import.meta.url.endsWith('.ts')) {
    throw new CodedError('loadtest_not_built', 'Sender threads run from built code only.', 'Run `npm run build`.');
  }
  // V8 shares out even a collection of a quarter of a millisecond to four helping threads: on a busy machine the sender
  // then waits until they have all had a core, and they take its own.
  setFlagsFromString('--no-parallel-scavenge');
  // Nor does a sender thread tidy up its memory when it has little to do. The main thread's heap is older than this and does
  // so twice, ten milliseconds each, on whatever core is free.
  setFlagsFromString('--no-memory-reducer');
  const pool = new Piscina({
    filename: new URL('./thread.js', import.meta.url).href,
    minThreads: tasks.length,
    maxThreads: tasks.length,
    concurrentTasksPerWorker: 1,
    atomics: 'disabled',
  });
  const channels = tasks.map(() => new MessageChannel());
  const readiness = readyGate(tasks.length);
  const runs = tasks.map((task, i) => {
    const { port1, port2 } = channels[i]!;
    // A result and the messages before it come by different ways: the result must not overtake the last report.
    const done = new Promise<void>((resolve) => {
      port1.on('message', (message: LaneMessage) => {
        if (message.type === 'ready') readiness.one();
        if (message.type === 'done') resolve();
        onMessage(message);
      });
      port1.on('close', resolve);
    });
    const run = pool.run({ task, port: port2 }, { name: 'runLaneInThread', transferList: [port2] }) as Promise<Truth>;
    run.catch(() => readiness.one());
    return run.finally(() => done);
  });
  return {
    ready: readiness.all,
    command: (command) => {
      for (const { port1 } of channels) port1.postMessage(command);
    },
    ended: Promise.allSettled(runs).then(async (results) => {
      for (const { port1 } of channels) port1.close();
      await pool.close();
      return results;
    }),
  };
}

function startHere(tasks: readonly LaneTask[], onMessage: (message: LaneMessage) => void): Lanes {
  const handlers: ((command: LaneCommand) => void)[] = [];
  const readiness = readyGate(tasks.length);
  const runs = tasks.map((task) => {
    const run = runLane(task, {
      send: (message) => {
        if (message.type === 'ready') readiness.one();
        onMessage(message);
      },
      onCommand: (handler) => handlers.push(handler),
    });
    run.catch(() => readiness.one());
    return run;
  });
  return {
    ready: readiness.all,
    command: (command) => {
      for (const handler of handlers) handler(command);
    },
    ended: Promise.allSettled(runs),
  };
}

function readyGate(count: number): { readonly all: Promise<void>; one(): void } {
  let left = count;
  let open: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    all,
    one() {
      left -= 1;
      if (left <= 0) open();
    },
  };
}
