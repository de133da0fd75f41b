import { createServer } from 'node:http';
import type { Registry } from 'prom-client';
import type { Stoppable } from './lifecycle.ts';
import { version } from './version.ts';

/** Health and metrics for roles that have no server of their own. */
export function startOpsServer(
  config: { readonly host: string; readonly port: number },
  deps: { readonly metrics: Registry; readonly ready: () => boolean },
): Promise<Stoppable & { readonly port: number }> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    switch (request.url) {
      case '/healthz/live':
        return answer(200, 'text/plain', 'live\n');
      case '/healthz/ready':
        return deps.ready() ? answer(200, 'text/plain', 'ready\n') : answer(503, 'text/plain', 'not ready\n');
      case '/version':
        return answer(200, 'application/json', JSON.stringify({ version }));
      case '/metrics':
        void deps.metrics.metrics().then((text) => answer(200, deps.metrics.contentType, text));
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
    server.listen(config.port, config.host, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : config.port;
      resolve({
        port,
        stop: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}
