import { parentPort, workerData } from 'node:worker_threads';
import { startBidThread } from './bidthread.ts';
import type { WorkerStart } from './messages.ts';

if (parentPort === null) throw new Error('engine/worker runs as a worker thread only.');
startBidThread(parentPort, workerData as WorkerStart);
