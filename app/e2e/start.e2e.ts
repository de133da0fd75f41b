import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { projectRoot } from '../version.ts';
import { type ApiAccess, callApi, freePort, until } from './processes.case.ts';

const READY_WITHIN_MS = 120_000;

/** What `npm start` runs: the supervisor and what it starts, and all that a person at the terminal sees. */
interface Started extends ApiAccess {
  readonly bidUrl: string;
  readonly pid: number;
  printed(): string;
  /** Sends a signal and waits for the end. @returns the exit code */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean();
});

/** @param last a text that is printed when everything runs */
async function start(flags: readonly string[], last: string): Promise<Started> {
  const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-start-'));
  const ports = [`--bid-port=${await freePort()}`, `--api-port=${await freePort()}`];
  const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  const [node, ...command] = (scripts.start as string).split(' ');
  expect(node).toBe('node');
  const child = spawn(process.execPath, [...command, `--data-dir=${dataDir}`, ...ports, ...flags], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  cleanups.push(async () => {
    await endOf(child, 'SIGTERM');
    rmSync(dataDir, { recursive: true, force: true });
  });
  const ready = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${printed}`);
    return printed.includes(last);
  };
  await until(ready, READY_WITHIN_MS, `prints "${last}"`);
  const found = (pattern: RegExp): string => pattern.exec(printed)?.[1] ?? `${pattern} was not printed`;
  return {
    bidUrl: found(/Bids +(http\S+)\/openrtb2/),
    apiUrl: found(/API +(http\S+)\/api\/v1/),
    operatorKey: found(/Bearer (\S+)\)/),
    pid: child.pid ?? 0,
    printed: () => printed,
    end: (signal) => endOf(child, signal),
  };
}

async function endOf(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }
  return child.exitCode;
}

/** Process id of the child that runs a role. */
function pidOf({ pid }: Started, role: string): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  const runs = (child: string) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes(`--role=${role}`);
  return Number(children.find(runs));
}

const statusOf = async (url: string) => (await fetch(url, { method: 'POST', body: '{"id":"1","imp":[]}' })).status;

describe('npm start', () => {
  it('shows a newcomer a bid and a report without a warning, starts again what dies, and stops at Ctrl-C', async () => {
    const started = await start(['--demo-rate=50'], 'Demo traffic:');
    // A log line here would be the first thing a newcomer asks about.
    expect(started.printed(), 'no warning').not.toContain('"level":');
    const command = /^ +(curl .+)$/m.exec(started.printed())?.[1] ?? '';
    const answer = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
    expect(JSON.parse(answer.stdout)).toMatchObject({ id: 'hello-1', seatbid: [{ bid: [{ impid: '1' }] }] });

    const counted = async (): Promise<boolean> => {
      const { rows } = await callApi<{ rows: { impressions: number }[] }>(
        started,
        '/api/v1/reports?period=today&metrics=impressions',
      );
      return rows.some(({ impressions }) => impressions > 0);
    };
    await until(counted, 180_000, 'impressions of the demo stand in a report');

    const before = pidOf(started, 'bidder');
    process.kill(before, 'SIGKILL');
    await until(
      async () => started.printed().includes('bidder ended unexpectedly (SIGKILL); starting it again'),
      10_000,
      'tells of the end',
    );
    const again = async () => (await fetch(`${started.bidUrl}/healthz/ready`).catch(() => null))?.status === 200;
    await until(again, 60_000, 'the bidder is back on its port');
    expect(pidOf(started, 'bidder')).not.toBe(before);

    expect(await started.end('SIGINT')).toBe(0);
    expect(started.printed()).toContain('Stopped.');
  });

  it.each([['start'], ['run', '--role=bidder'], ['config', 'check']])(
    'is not begun with a wrong configuration: %s names every problem and ends with 104',
    (...command) => {
      const folder = mkdtempSync(join(tmpdir(), 'evenkeel-wrong-'));
      const file = join(folder, 'evenkeel.yaml');
      writeFileSync(file, 'bidPort: 99999\nleaseMs: soon\nexchanges: { one: { seat: 7 } }\nnonsense: 1\n');
      const cli = join(projectRoot, 'dist', 'app', 'cli.js');
      const done = spawnSync(process.execPath, [cli, ...command, `--config=${file}`, `--data-dir=${folder}`], {
        encoding: 'utf8',
      });
      rmSync(folder, { recursive: true, force: true });
      expect(done.status, done.stderr).toBe(104);
      for (const problem of ['bidPort: must be at most', 'leaseMs: must be a number', 'one.seat', 'nonsense: no such'])
        expect(done.stderr).toContain(problem);
    },
  );

  it('has every role read the configuration again: by the API, kept in the audit log, and by SIGHUP', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'evenkeel-start-config-')), 'evenkeel.yaml');
    const exchange = (name: string, seat: string) => writeFileSync(file, `exchanges: { ${name}: { seat: ${seat} } }\n`);
    exchange('first', 'one');
    const started = await start([`--config=${file}`], 'Ask for a bid:');
    const known = async (name: string) => (await statusOf(`${started.bidUrl}/openrtb2/bid/${name}`)) !== 404;
    const outcomes = async (outcome: string): Promise<readonly number[]> => {
      const texts = await Promise.all(
        [started.bidUrl, started.apiUrl].map(async (url) => (await fetch(`${url}/metrics`)).text()),
      );
      return texts.map((text) =>
        Number(new RegExp(`reloads_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)?.[1] ?? 0),
      );
    };
    const byBoth = (outcome: string, times: number) =>
      until(
        async () => (await outcomes(outcome)).every((count) => count === times),
        20_000,
        `${outcome} ${times} times by bidder and reporting`,
      );
    const reload = () => callApi(started, '/api/v1/reload', { method: 'POST' });
    expect([await known('first'), await known('second')]).toEqual([true, false]);

    exchange('second', 'two');
    expect(await reload()).toEqual({ status: 'asked' });
    await byBoth('applied', 1);
    expect([await known('first'), await known('second')]).toEqual([false, true]);

    exchange('third', '7');
    await reload();
    await byBoth('refused', 1);
    expect([await known('second'), await known('third')], 'what is in force stays').toEqual([true, false]);

    exchange('fourth', 'four');
    process.kill(started.pid, 'SIGHUP');
    await byBoth('applied', 2);
    expect(await known('fourth')).toBe(true);

    const { items } = await callApi<{ items: object[] }>(started, '/api/v1/audit?kind=configuration');
    const asked = { action: 'reload', actor: expect.objectContaining({ role: 'operator' }), unconfirmed: false };
    expect(items).toEqual([expect.objectContaining(asked), expect.objectContaining(asked)]);
    rmSync(file);
  });
});
