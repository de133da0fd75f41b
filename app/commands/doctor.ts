import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { dirname, resolve } from 'node:path';
import { messageOf } from '../../core/errors.ts';
import { exitCodes } from '../../core/exitcodes.ts';
import type { Config } from '../config/table.ts';
import { createContext } from '../context.ts';
import { portFault } from '../ports.ts';

/** One thing looked at: `ok`, `warn` (works, but know it) or `fail` (will not work). */
interface Finding {
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly what: string;
  readonly says: string;
}

const MIN_FREE_BYTES = 2 * 2 ** 30;
const CONNECT_WITHIN_MS = 3000;

/** `evenkeel doctor`: looks at everything a start needs, and says what to do about what is missing. */
export async function doctorCommand(args: readonly string[]): Promise<number> {
  const { config } = createContext('doctor', args, ['config']);
  const findings = [
    checkNode(),
    checkTransport(),
    checkPackage('lmdb', 'embedded event log'),
    ...(config.clickhouseUrl === '' ? [checkPackage('chdb', 'embedded ClickHouse')] : []),
    checkDataDir(config),
    await checkPort(config.host, config.bidPort, '--bid-port'),
    await checkPort(config.host, config.apiPort, '--api-port'),
    ...(await Promise.all(config.kafkaBrokers.map((broker) => checkReachable(`Kafka broker ${broker}`, broker)))),
    ...(config.clickhouseUrl === '' ? [] : [await checkClickHouse(config.clickhouseUrl)]),
  ];
  for (const { verdict, what, says } of findings) console.log(`${verdict.padEnd(4)}  ${what}: ${says}`);
  return findings.some((finding) => finding.verdict === 'fail') ? exitCodes.failed.code : exitCodes.ok.code;
}

function checkNode(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  const verdict = major < 20 ? 'fail' : 'ok';
  return { verdict, what: 'Node.js', says: `${process.version}${major < 20 ? ', version 20 or newer is needed' : ''}` };
}

function checkTransport(): Finding {
  const require = createRequire(import.meta.url);
  // Resolved, not loaded: the bidder says at its start which one it could load on this system.
  const found = ['uws-next', 'uWebSockets.js'].filter((name) => resolvable(require, name));
  return found.length > 0
    ? { verdict: 'ok', what: 'µWebSockets.js', says: `installed (${found.join(', ')})` }
    : {
        verdict: 'warn',
        what: 'µWebSockets.js',
        says: 'not installed; bids would be served by node:http, several times slower',
      };
}

function checkPackage(name: string, purpose: string): Finding {
  return resolvable(createRequire(import.meta.url), name)
    ? { verdict: 'ok', what: purpose, says: `${name} is installed` }
    : { verdict: 'fail', what: purpose, says: `${name} is not installed; run \`npm run setup\`` };
}

function resolvable(require: NodeJS.Require, name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

function checkDataDir(config: Config): Finding {
  const path = resolve(config.dataDir);
  const existing = nearestExisting(path);
  try {
    accessSync(existing, constants.W_OK);
  } catch (error) {
    return { verdict: 'fail', what: 'data folder', says: `${path} can not be written: ${messageOf(error)}` };
  }
  const { bavail, bsize } = statfsSync(existing);
  const free = bavail * bsize;
  const says = `${path}, ${(free / 2 ** 30).toFixed(1)} GiB free`;
  return free < MIN_FREE_BYTES
    ? { verdict: 'warn', what: 'data folder', says: `${says}; free some, the log stops taking events when it is full` }
    : { verdict: 'ok', what: 'data folder', says };
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

async function checkPort(host: string, port: number, flag: string): Promise<Finding> {
  const what = `port ${port}`;
  const fault = await portFault(host, port);
  return fault === null
    ? { verdict: 'ok', what, says: `free on ${host}` }
    : { verdict: 'fail', what, says: `${fault}; end what uses it or choose another with ${flag}` };
}

function checkReachable(what: string, address: string): Promise<Finding> {
  const at = address.lastIndexOf(':');
  const [host, port] = [address.slice(0, at), Number(address.slice(at + 1))];
  return new Promise((done) => {
    const end = (finding: Finding): void => {
      socket.destroy();
      done(finding);
    };
    const socket = connect({ host, port, timeout: CONNECT_WITHIN_MS });
    socket.once('connect', () => end({ verdict: 'ok', what, says: 'reachable' }));
    socket.once('timeout', () => end({ verdict: 'fail', what, says: `no answer within ${CONNECT_WITHIN_MS} ms` }));
    socket.once('error', (error) => end({ verdict: 'fail', what, says: messageOf(error) }));
  });
}

async function checkClickHouse(url: string): Promise<Finding> {
  const what = `ClickHouse ${url}`;
  try {
    const response = await fetch(new URL('/ping', url), { signal: AbortSignal.timeout(CONNECT_WITHIN_MS) });
    return { verdict: response.ok ? 'ok' : 'fail', what, says: `answers ${response.status}` };
  } catch (error) {
    return { verdict: 'fail', what, says: messageOf(error) };
  }
}
