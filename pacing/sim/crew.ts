import { Worker } from 'node:worker_threads';
import { type Job, type JobResult, type JobSettings, playJob } from './benchjob.ts';

/** Whoever plays jobs: this thread, or several others. */
export interface Crew {
  readonly size: number;
  play(job: Job): Promise<JobResult[]>;
  stop(): Promise<void>;
}

/** @param size threads; 1 plays in this one, more need the built code */
export function createCrew(size: number, settings: JobSettings): Crew {
  if (size <= 1) {
    return {
      size: 1,
      async play(job) {
        // Lets a progress bar draw and an interrupt through.
        await new Promise((resolve) => setImmediate(resolve));
        return playJob(job, settings);
      },
      stop: async () => undefined,
    };
  }
  const url = new URL('./benchworker.js', import.meta.url);
  const idle = Array.from({ length: size }, () => new Worker(url, { workerData: settings }));
  const all = [...idle];
  return {
    size,
    play(job) {
      const worker = idle.pop();
      if (worker === undefined) return Promise.reject(new Error('more jobs in hand than threads'));
      return new Promise((resolve, reject) => {
        worker.once('error', reject);
        worker.once('message', (results: JobResult[]) => {
          worker.off('error', reject);
          idle.push(worker);
          resolve(results);
        });
        worker.postMessage(job);
      });
    },
    stop: async () => void (await Promise.all(all.map((worker) => worker.terminate()))),
  };
}
