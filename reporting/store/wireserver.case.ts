import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { Session } from 'chdb';

/**
 * A process that speaks ClickHouse's HTTP interface with chDB behind it, so that the real client's network code is
 * exercised. `--faults a,b` makes every second insert meet the next fault of the list, again and again. Faults:
 * `cut-before` closes the connection before the insert, `cut-after` after it was done, `error-after` answers 500 after
 * it was done, `slow` answers after `--slow-ms`, `slow-body` the body after `--slow-ms`, `delayed` inserts only after
 * `--slow-ms`, `denied` refuses the login, `no-space` has a full disk.
 * Prints `listening PORT`, then one line per fault that fired. User `default`, password `right`.
 */
const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: '' },
    port: { type: 'string', default: '0' },
    faults: { type: 'string', default: '' },
    'slow-ms': { type: 'string', default: '3000' },
  },
});
const session = new Session(values.dir);
const faults = (values.faults ?? '').split(',').filter((name) => name !== '');
let inserts = 0;
let queue: Promise<unknown> = Promise.resolve();

/** One statement at a time, as chDB wants it; settings are set before it because they stay on the session. */
function inTurn<T>(action: () => Promise<T>): Promise<T> {
  const turn = queue.then(action, action);
  queue = turn.catch(() => {});
  return turn;
}

/** What the session is set to. */
const settings = new Map<string, string>();
const ignored = new Set([
  'query',
  'query_id',
  'database',
  'session_id',
  'default_format',
  'wait_end_of_query',
  'send_progress_in_http_headers',
  'enable_http_compression',
  'http_headers_progress_interval_ms',
]);

async function execute(sql: string, params: URLSearchParams): Promise<Buffer> {
  return inTurn(async () => {
    for (const [name, value] of params) {
      if (ignored.has(name) || settings.get(name) === value) continue;
      await session.queryAsync(`SET ${name} = '${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`);
      settings.set(name, value);
    }
    const result = await session.queryAsync(sql);
    return Buffer.from(result.bytes());
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  if (url.pathname === '/ping') {
    response.end('Ok.\n');
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  let body = Buffer.concat(chunks);
  if (request.headers['content-encoding'] === 'gzip') body = gunzipSync(body);
  if (!allowed(request)) {
    fail(response, 516, 'default: Authentication failed: password is incorrect (AUTHENTICATION_FAILED)');
    return;
  }
  const query = url.searchParams.get('query') ?? '';
  const sql = query === '' ? body.toString('utf8') : `${query}\n${body.toString('utf8')}`;
  const fault = /^\s*INSERT/i.test(sql) ? nextFault() : null;
  if (fault === 'cut-before') {
    request.socket.destroy();
    return;
  }
  if (fault === 'denied') {
    fail(response, 516, 'default: Authentication failed (AUTHENTICATION_FAILED)');
    return;
  }
  if (fault === 'no-space') {
    fail(response, 243, 'Cannot reserve 1.00 MiB, not enough space (NOT_ENOUGH_SPACE)');
    return;
  }
  if (fault === 'delayed') await pause(Number(values['slow-ms']));
  try {
    const result = await execute(sql, url.searchParams);
    if (fault === 'cut-after') request.socket.destroy();
    else if (fault === 'error-after')
      fail(response, 999, 'Coordination::Exception: connection loss (KEEPER_EXCEPTION)');
    else {
      if (fault === 'slow') await pause(Number(values['slow-ms']));
      response.writeHead(200, { 'X-ClickHouse-Summary': '{}', 'Content-Type': 'application/json' });
      response.flushHeaders();
      if (fault === 'slow-body') await pause(Number(values['slow-ms']));
      response.end(result);
    }
  } catch (error) {
    const text = (error as Error).message;
    fail(response, Number(/Code: (\d+)/.exec(text)?.[1] ?? 1002), text.replace(/^.*?DB::Exception: /s, ''));
  }
}

function allowed(request: IncomingMessage): boolean {
  const basic = Buffer.from('default:right').toString('base64');
  return request.headers.authorization === `Basic ${basic}` || request.headers['x-clickhouse-key'] === 'right';
}

function nextFault(): string | null {
  inserts += 1;
  const found = inserts % 2 === 0 ? (faults[(inserts / 2 - 1) % faults.length] ?? null) : null;
  if (found !== null) process.stdout.write(`fault ${found}\n`);
  return found;
}

function fail(response: ServerResponse, code: number, text: string): void {
  const status = code === 516 ? 403 : 500;
  response.writeHead(status, { 'X-ClickHouse-Exception-Code': String(code) });
  response.end(`Code: ${code}. DB::Exception: ${text} (version 0.0.0)`);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    process.stderr.write(`${error}\n`);
    response.destroy();
  });
});
server.listen(Number(values.port), '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`listening ${typeof address === 'object' && address !== null ? address.port : ''}\n`);
});
