import { createWriteStream } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { createGzip, gunzipSync } from 'node:zlib';
import { messageOf } from '../../core/errors.ts';
import { exitCodes } from '../../core/exitcodes.ts';
import { MAX_BODY_BYTES } from '../http/response.ts';
import type { CommandDeps } from './rundraft.ts';
import { badOption } from './shapes.ts';

export interface RecordOptions {
  /** 0 takes a free port. */
  readonly port: number;
  /** The bidder behind the proxy; the path of each request is kept. */
  readonly url: URL;
  /** .jsonl or .jsonl.gz */
  readonly path: string;
  /** Requests kept at most; more are forwarded only. */
  readonly max: number;
}

export interface Recorder {
  readonly port: number;
  readonly counts: { forwarded: number; kept: number; notJson: number; failed: number; tooLarge: number };
  close(): Promise<void>;
}

/**
 * A proxy that forwards every request to the bidder and keeps the bodies of bid requests, one a line, for
 * `--requests`. Only what is valid JSON with `imp` is kept. User data is recorded as it is: treat the file accordingly.
 */
export async function startRecorder(options: RecordOptions): Promise<Recorder> {
  const file = createWriteStream(options.path, { flags: 'a' });
  const sink = options.path.endsWith('.gz') ? createGzip() : null;
  sink?.pipe(file);
  const counts = { forwarded: 0, kept: 0, notJson: 0, failed: 0, tooLarge: 0 };
  const keep = (body: Buffer, encoding: string): void => {
    if (counts.kept >= options.max) return;
    const line = requestLine(body, encoding);
    if (line === null) counts.notJson += 1;
    else {
      counts.kept += 1;
      (sink ?? file).write(`${line}\n`);
    }
  };
  const agentOptions = { keepAlive: true, maxSockets: 256 };
  const agent = options.url.protocol === 'https:' ? new https.Agent(agentOptions) : new http.Agent(agentOptions);
  const server = http.createServer((request, response) => {
    readBody(request, (body) => {
      if (body === null) {
        counts.tooLarge += 1;
        response.writeHead(413).end();
        return;
      }
      if (request.method === 'POST') keep(body, String(request.headers['content-encoding'] ?? ''));
      forward(options.url, agent, request, body, response, (failed) => {
        counts[failed ? 'failed' : 'forwarded'] += 1;
      });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    counts,
    async close() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      agent.destroy();
      await new Promise<void>((resolve) => {
        file.once('close', resolve);
        (sink ?? file).end();
      });
    },
  };
}

function readBody(request: http.IncomingMessage, done: (body: Buffer | null) => void): void {
  const parts: Buffer[] = [];
  let size = 0;
  request.on('data', (part: Buffer) => {
    size += part.length;
    if (size <= MAX_BODY_BYTES) parts.push(part);
  });
  request.on('end', () => done(size > MAX_BODY_BYTES ? null : Buffer.concat(parts)));
}

function forward(
  target: URL,
  agent: http.Agent,
  request: http.IncomingMessage,
  body: Buffer,
  response: http.ServerResponse,
  done: (failed: boolean) => void,
): void {
  const { connection: _, 'transfer-encoding': __, ...headers } = request.headers;
  const send = target.protocol === 'https:' ? https.request : http.request;
  const outgoing = send(
    new URL(request.url ?? '/', target),
    {
      method: request.method ?? 'POST',
      agent,
      headers: { ...headers, host: target.host, 'content-length': body.length },
    },
    (incoming) => {
      response.writeHead(incoming.statusCode ?? 502, incoming.headers);
      incoming.pipe(response);
      incoming.on('end', () => done(false));
    },
  );
  outgoing.on('error', () => {
    done(true);
    if (!response.headersSent) response.writeHead(502);
    response.end();
  });
  outgoing.end(body);
}

function requestLine(body: Buffer, encoding: string): string | null {
  try {
    const plain = encoding === 'gzip' ? gunzipSync(body, { maxOutputLength: MAX_BODY_BYTES }) : body;
    const parsed = JSON.parse(plain.toString('utf8')) as { imp?: unknown } | null;
    return Array.isArray(parsed?.imp) ? JSON.stringify(parsed) : null;
  } catch {
    return null;
  }
}

const DEFAULT_MAX = 1_000_000;

/** `loadtest record --listen PORT --url URL --out FILE [--max N]`: records until Ctrl-C. */
export async function recordMode(args: readonly string[], deps: CommandDeps): Promise<number> {
  const given: Record<string, string> = {};
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i]!.replace(/^--/, '');
    const value = args[i + 1];
    if (!['listen', 'url', 'out', 'max'].includes(name) || value === undefined) {
      throw badOption(
        `record does not understand "${args[i]}".`,
        'It takes --listen PORT --url URL --out FILE [--max N].',
      );
    }
    given[name] = value;
  }
  const { listen = '8079', url = 'http://127.0.0.1:8080', out = '', max = String(DEFAULT_MAX) } = given;
  if (!/^\d{1,5}$/.test(listen) || !/^\d+$/.test(max) || !URL.canParse(url) || out === '') {
    throw badOption('record needs a port, a URL and a file.', 'It takes --listen PORT --url URL --out FILE [--max N].');
  }
  let recorder: Recorder;
  try {
    recorder = await startRecorder({ port: Number(listen), url: new URL(url), path: out, max: Number(max) });
  } catch (error) {
    deps.err.write(`evenkeel loadtest: the proxy could not start: ${messageOf(error)}\n`);
    return exitCodes.failed.code;
  }
  deps.out.write(
    `Recording bid requests to ${out}: point the exchange at http://127.0.0.1:${recorder.port}. Stop with Ctrl-C.\n`,
  );
  await new Promise<void>((resolve) => {
    if (deps.signal.aborted) resolve();
    deps.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await recorder.close();
  const { forwarded, kept, notJson, failed } = recorder.counts;
  deps.out.write(
    `${forwarded} forwarded, ${kept} kept, ${notJson} no bid requests, ${failed} not answered by the bidder\n`,
  );
  return exitCodes.ok.code;
}
