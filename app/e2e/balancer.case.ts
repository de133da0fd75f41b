import { connect, createServer, type Socket } from 'node:net';
import { freePort } from './processes.case.ts';

/** What stands before several bidders: passes connections to those that say they are ready, as a service does. */
export interface Balancer {
  readonly url: string;
  /** Backends that are ready now, by port. */
  ready(): readonly number[];
  stop(): Promise<void>;
}

const PROBE_EVERY_MS = 100;

/** Starts one for bidders on these ports. Connections go to the ready ones in turn; none ready refuses them. */
export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  const own = await freePort();
  const sockets = new Set<Socket>();
  let ready: readonly number[] = [];
  let next = 0;
  let probing = false;

  async function probe(): Promise<void> {
    if (probing) return;
    probing = true;
    const answers = await Promise.all(
      ports.map((port) =>
        fetch(`http://127.0.0.1:${port}/healthz/ready`, { signal: AbortSignal.timeout(1000) }).then(
          (answer) => answer.status === 200,
          () => false,
        ),
      ),
    );
    ready = ports.filter((_, at) => answers[at]);
    probing = false;
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const port = ready[next++ % Math.max(1, ready.length)];
    if (port === undefined) {
      client.destroy();
      return;
    }
    const backend = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    for (const [one, other] of [
      [client, backend],
      [backend, client],
    ] as const) {
      sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => sockets.delete(one));
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(own, '127.0.0.1', resolve));
  const timer = setInterval(() => void probe(), PROBE_EVERY_MS);
  await probe();
  return {
    url: `http://127.0.0.1:${own}`,
    ready: () => ready,
    async stop() {
      clearInterval(timer);
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
