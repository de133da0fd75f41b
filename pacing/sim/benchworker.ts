import { parentPort, workerData } from 'node:worker_threads';
import { type Job, type JobSettings, playJob } from './benchjob.ts';

/** One thread of the benchmark: plays the jobs it is sent, one at a time. */
parentPort?.on('message', (job: Job) => {
  parentPort?.postMessage(playJob(job, workerData as JobSettings));
});
