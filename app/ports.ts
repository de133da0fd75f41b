import { createServer } from 'node:net';
import { messageOf } from '../core/errors.ts';

/** Why nobody could listen there right now; null when somebody could. */
export function portFault(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(messageOf(error)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
