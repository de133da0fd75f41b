import { createServer } from 'node:http';
import type { Registry } from 'prom-client';
import type { Stoppable } from './lifecycle.ts';
import { version } from './version.ts';

/** The server of a role that has none of its own. */
export interface OpsServer extends Stoppable {
  readonly url: string;
  /** What /healthz/ready answers; 503 until it is told. */
  setReady(ready: boolean): void;
  /** Stopped first of all parts: not ready any more. */
  readonly drain: Stoppable;
}

/** Health and metrics for roles that have no server of their own. Listens before the role has started. */
export function startOpsServer(
  config: { readonly host: string; readonly apiPort: number },
  metrics: Registry,
): Promise<OpsServer> {
  let ready = false;
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    switch (request.url) {
      case '/healthz/live':
        return answer(200, 'text/plain', 'live\n');
      case '/healthz/ready':
        return ready ? answer(200, 'text/plain', 'ready\n') : answer(503, 'text/plain', 'not ready\n');
      case '/version':
        return answer(200, 'application/json', JSON.stringify({ version }));
      case '/metrics':
        metrics.metrics().then(
          (text) => answer(200, metrics.contentType, text),
          () => answer(500, 'text/plain', 'the metrics could not be read\n'),
        );
        return;
      default:
        return answer(404, 'text/plain', 'not found\n');
    }
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  server.maxConnections = 100;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.apiPort, config.host, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : config.apiPort;
      resolve({
        url: `http://${config.host}:${port}`,
        setReady(now) {
          ready = now;
        },
        drain: {
          async stop() {
            ready = false;
          },
        },
        stop: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}
