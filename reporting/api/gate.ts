import { Problem } from './problem.ts';

/** Lets a bounded number of tasks run and a bounded number wait. */
export interface Gate {
  /** @throws Problem overloaded when too many wait already */
  run<T>(task: () => Promise<T>): Promise<T>;
}

export function createGate(maxRunning: number, maxWaiting: number): Gate {
  let running = 0;
  const waiting: (() => void)[] = [];
  return {
    async run(task) {
      if (running >= maxRunning) {
        if (waiting.length >= maxWaiting) {
          throw new Problem(503, 'overloaded', {
            detail: 'Too many reports at once.',
            headers: { 'retry-after': '2' },
          });
        }
        await new Promise<void>((resume) => waiting.push(resume));
      } else {
        running += 1;
      }
      try {
        return await task();
      } finally {
        const next = waiting.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
  };
}
