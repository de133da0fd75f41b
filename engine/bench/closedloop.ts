import { connect, type Socket } from 'node:net';
import { createAnswerReader } from './answers.ts';
import { createTraffic } from './traffic.ts';

/** What the load process is told on its command line, as JSON. */
export interface ClosedLoopTask {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly seed: number;
  readonly requests: number;
}

/** Running totals; the asker subtracts. */
export interface LoadTotals {
  readonly answers: number;
  readonly bids: number;
  readonly noBids: number;
  readonly others: number;
  readonly bytesRead: number;
}

/** Every request ready to be written, so that the client spends its time on sockets. */
export function prepareRequests(path: string, seed: number, count: number): Buffer[] {
  return createTraffic({ seed, count }).map((body) => {
    const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nx-openrtb-version: 2.6\r\nContent-Length: ${body.length}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), body]);
  });
}

/**
 * A saturating client: every connection sends its next request as soon as it has its answer. Nothing about latency can
 * be said from it, only what one request costs a server that is always busy.
 */
export function startClosedLoop(task: ClosedLoopTask): { totals(): LoadTotals; stop(): void } {
  const requests = prepareRequests(task.path, task.seed, task.requests);
  const total = { answers: 0, bids: 0, noBids: 0, others: 0, bytesRead: 0 };
  const sockets = new Set<Socket>();
  let next = 0;
  let stopped = false;

  function open(): void {
    if (stopped) return;
    const reader = createAnswerReader();
    const send = (): void => {
      socket.write(requests[next]!);
      next = next + 1 === requests.length ? 0 : next + 1;
    };
    const socket = connect({
      port: task.port,
      host: '127.0.0.1',
      noDelay: true,
      // One buffer per connection instead of a new one per read.
      onread: {
        buffer: Buffer.allocUnsafe(65_536),
        callback(length, bytes) {
          total.bytesRead += length;
          const status = reader.take(bytes as Buffer, length);
          if (status === 0) return true;
          total.answers++;
          if (status === 200) total.bids++;
          else if (status === 204) total.noBids++;
          else total.others++;
          if (!stopped) send();
          return true;
        },
      },
    });
    sockets.add(socket);
    socket.on('connect', send);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      open();
    });
  }

  for (let i = 0; i < task.connections; i++) open();
  return {
    totals: () => ({ ...total }),
    stop() {
      stopped = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}
