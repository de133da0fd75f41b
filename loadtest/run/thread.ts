import type { MessagePort } from 'node:worker_threads';
import type { Truth } from '../market/ledger.ts';
import type { LaneCommand, LaneMessage, LaneTask } from './lanetask.ts';
import { runLane } from './lanetask.ts';

/** The function a sender thread runs: one lane, talking over the port it is given. */
export async function runLaneInThread({ task, port }: { task: LaneTask; port: MessagePort }): Promise<Truth> {
  try {
    return await runLane(task, {
      send: (message) => port.postMessage(message),
      onCommand: (handler) => port.on('message', (command: LaneCommand) => handler(command)),
    });
  } finally {
    port.postMessage({ type: 'done' } satisfies LaneMessage);
    port.close();
  }
}
