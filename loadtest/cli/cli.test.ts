import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as hdr from 'hdr-histogram-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import { compareValues } from '../report/compare.ts';
import type { LoadtestResult } from '../run/result.ts';
import { plannedMs, plannedRequests } from '../send/schedule.ts';
import type { TestBidder } from '../testing.case.ts';
import { abortAt, startTestBidder } from '../testing.case.ts';
import { loadtestCommand } from './command.ts';
import { finishDraft } from './draft.ts';
import type { Probe } from './findlimit.ts';
import { limitOf, nextRate } from './findlimit.ts';
import { options } from './optiontable.ts';
import { parseCommandLine } from './parse.ts';
import { startRecorder } from './record.ts';
import { vitalDrifts } from './soak.ts';

let folder: string;
const servers: TestBidder[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadtest-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(args: readonly string[], more: { signal?: AbortSignal; live?: boolean } = {}): Promise<Ran> {
  const text = { out: '', err: '' };
  const terminal = (name: 'out' | 'err') => ({
    write: (part: string) => {
      text[name] += part;
    },
    live: more.live ?? false,
    columns: 120,
  });
  const code = await loadtestCommand(args, {
    clock: systemClock,
    random: seededRandom(11),
    out: terminal('out'),
    err: terminal('err'),
    signal: more.signal ?? new AbortController().signal,
    apiKey: 'secret',
    version: '0.0.0',
  });
  return { code, ...text };
}

async function bidder(options = {}): Promise<TestBidder> {
  const server = await startTestBidder(options);
  servers.push(server);
  return server;
}

const parse = (...args: string[]) => finishDraft(parseCommandLine(args, 'key').draft, 'scope');

describe('the options', () => {
  it('play shapes in their order, and a rate last', () => {
    const { stages } = parse('--ramp', '0:100:10s', '--spike=50:200:5s', '--rate', '80', '--for', '1m');
    expect(stages.map((stage) => [stage.fromRps, stage.toRps, stage.durationMs])).toEqual([
      [0, 100, 10_000],
      [50, 50, 5000],
      [200, 200, 5000],
      [50, 50, 5000],
      [80, 80, 60_000],
    ]);
    expect(parse('--for', '30s').warmupMs).toBe(3000);
    expect(parse('--for', '9s').warmupMs).toBe(0);
    expect(parse('--for', '9s', '--warmup', '1s').warmupMs).toBe(1000);
    const day = parse('--day', '1000:24m').stages;
    expect(plannedMs(day)).toBeCloseTo(24 * 60_000);
    expect(Math.max(...day.map((stage) => stage.fromRps))).toBe(1000);
    const own = join(folder, 'week.csv');
    writeFileSync(own, 'dow,hour,share\n1,0,0.2\n1,1,0.1\n1,2,0.4\n');
    expect(parse('--day', `1000:30s:${own}`).stages).toEqual([
      { fromRps: 500, toRps: 250, durationMs: 10_000 },
      { fromRps: 250, toRps: 1000, durationMs: 10_000 },
      { fromRps: 1000, toRps: 500, durationMs: 10_000 },
    ]);
    expect(plannedRequests(parse('--steps', '10,20:2s').stages)).toBe(60);
  });

  it('come from a file too, and the command line wins', () => {
    const yaml = join(folder, 'test.yaml');
    writeFileSync(yaml, 'rate: 700\nfor: 5s\naudit: true\nquiet: false\nslo:\n  - p99<30ms\n  - errors<0.1%\n');
    const read = parse('--config', yaml, '--rate', '900', '--slo', 'max<1s');
    expect(read.stages).toEqual([{ fromRps: 900, toRps: 900, durationMs: 5000 }]);
    expect(read.gates.map((gate) => gate.text)).toEqual(['p99<30ms', 'errors<0.1%', 'max<1s']);
    expect(read.audit).not.toBeNull();
    const json = join(folder, 'test.json');
    writeFileSync(json, '{"rate": 5, "slo": "p50<1ms"}');
    expect(parse('--config', json).gates).toHaveLength(1);
  });

  it('are refused with 104, every problem named', async () => {
    const bad = await run(['--rat', '5', '--for', 'soon', '--slo', 'p99>fast', '--ctr', '120%', '--seed']);
    expect(bad.code).toBe(104);
    for (const part of ['--rate?', '"soon"', 'p99>fast', '"120%"', '--seed needs a value'])
      expect(bad.err).toContain(part);
    for (const args of [
      ['--url', 'ftp://x'],
      ['--rate', '0'],
      ['--day', '1000'],
      ['--day', '1000:30s:/nowhere/day.csv'],
      ['--day', `1000:30s:${join(folder, 'test.yaml')}`],
      ['--warmup', '40s'],
      ['fly'],
      ['--audit', '--no-market'],
      ['--slo', 'lost_events=0'],
      ['--requests', '/nowhere/at/all.jsonl', '--threads', '0'],
      ['--config', join(folder, 'absent.yaml')],
      ['find-limit', '--ramp', '0:1:1s'],
      ['soak'],
      ['compare', 'a.json'],
      ['record', '--listen', 'x'],
      ['run', 'stray'],
    ]) {
      expect((await run(args)).code, args.join(' ')).toBe(104);
    }
  });

  it('are all in --help', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    for (const name of Object.keys(options)) expect(out).toContain(`--${name}`);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(116);
  });
});

describe('a run from the command line', () => {
  it('passes, writes its reports, and fails with 99 on an impossible gate', async () => {
    const server = await bidder();
    const base = [
      '--url',
      server.url,
      '--rate',
      '200',
      '--for',
      '1s',
      '--threads',
      '0',
      '--timeout',
      '15s',
      '--tmax',
      '15s',
      '--max-late',
      '15s',
      '--notice-delay',
      '5ms',
      '--ctr',
      '0',
    ];
    const audit = ['--audit', '--api-url', server.origin];
    const good = await run([...base, ...audit, '--slo', 'p99<15s', '--slo', 'lost_events=0', '--out', folder]);
    expect(good.err).toBe('');
    expect(good.out).toContain('report and ledger of truth are equal');
    expect(good.out).toContain('PASSED');
    expect(good.code).toBe(0);

    const html = readFileSync(join(folder, 'report.html'), 'utf8');
    expect(html).toMatch(/<svg[\s\S]+<\/html>/);
    expect(html).not.toMatch(/<script|<link|src=|url\(/);
    const result = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as LoadtestResult;
    expect(result.latency.count).toBe(200);
    const histogram = hdr.decodeFromCompressedBase64(result.histogram);
    expect(histogram.totalCount).toBe(200);
    expect(histogram.getValueAtPercentile(99) / 1000).toBeCloseTo(result.latency.p99Ms, 3);

    const log = readFileSync(join(folder, 'latency.hlog'), 'utf8');
    const reader = new hdr.HistogramLogReader(log);
    let counted = 0;
    for (let next = reader.nextIntervalHistogram(); next !== null; next = reader.nextIntervalHistogram()) {
      counted += (next as hdr.Histogram).totalCount;
    }
    expect(counted).toBe(200);

    const bad = await run([...base, '--slo', 'p50<0.001ms', '--quiet']);
    expect(bad.code).toBe(99);
    expect(bad.out).toContain('gate FAILED');
    expect(bad.out).toContain('FAILED');

    const file = join(folder, 'report.json');
    expect((await run(['compare', file, file])).code).toBe(0);
  });

  it('does not pass when nothing was answered, whatever its gates say of quick refusals', async () => {
    const server = await bidder();
    const { port } = new URL(server.url);
    await servers.pop()!.close();
    const base = ['--url', `http://127.0.0.1:${port}/bid`, '--rate', '50', '--for', '1s', '--threads', '0'];
    const ungated = await run(base);
    expect(ungated.code).toBe(1);
    expect(ungated.out).toContain(`Nothing listens at 127.0.0.1:${port}`);
    expect((await run([...base, '--slo', 'p99<10s'])).code).toBe(1);
    expect((await run([...base, '--slo', 'errors<1%'])).code).toBe(99);
    const unknown = await run([
      '--url',
      'http://bidder.invalid/',
      '--rate',
      '5',
      '--for',
      '1s',
      '--threads',
      '0',
      '--timeout',
      '30s',
    ]);
    expect(unknown.code).toBe(1);
    expect(unknown.err).toContain('The name bidder.invalid is not known here');
    const page = await bidder({
      answer: (_: number, response: ServerResponse) =>
        response.writeHead(200, { 'content-type': 'text/html' }).end('<p>') !== null,
    });
    const html = await run(['--url', page.url, '--rate', '50', '--for', '1s', '--threads', '0']);
    expect(html.code).toBe(1);
    expect(html.out).toContain('wrong_content_type: text/html: <p>');
    expect(html.out).toContain('is it a bid endpoint?');
  });

  it('says when requests failed that no gate asks for', async () => {
    const server = await bidder({
      answer: (i: number, response: ServerResponse) => i % 2 === 0 && response.writeHead(500).end() !== null,
    });
    const ran = await run(['--url', server.url, '--rate', '50', '--for', '1s', '--threads', '0', '--slo', 'p99<15s']);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain('PASSED 25 requests failed, and no gate asks for errors.');
  });

  it('redraws one line on a terminal', async () => {
    const server = await bidder();
    const args = ['--url', server.url, '--rate', '100', '--for', '2s', '--threads', '0', '--no-market'];
    const { out } = await run(args, { live: true });
    const lines = out.split('\r\u001b[2K');
    expect(lines.some((line) => /^█+░+ {2}50 % {2}ETA 00:01/.test(line))).toBe(true);
  });

  it('replays requests from a file, recorded by the proxy', async () => {
    const server = await bidder({ bidShare: 1 });
    const path = join(folder, 'requests.jsonl.gz');
    const recorder = await startRecorder({ port: 0, url: new URL(server.origin), path, max: 1000 });
    const proxied = `http://127.0.0.1:${recorder.port}/openrtb2/bid/demo`;
    const first = await run([
      '--url',
      proxied,
      '--rate',
      '50',
      '--for',
      '1s',
      '--threads',
      '0',
      '--no-market',
      '--gzip',
    ]);
    expect(first.out).toContain('50 answered');
    await fetch(proxied, { method: 'POST', body: 'no json' }).then((response) => response.text());
    await recorder.close();
    expect(recorder.counts).toMatchObject({ kept: 50, notJson: 1, tooLarge: 0 });
    const lines = gunzipSync(readFileSync(path)).toString().trim().split('\n');
    expect(lines).toHaveLength(50);
    expect(new Set(lines.map((line) => (JSON.parse(line) as { id: string }).id)).size).toBe(50);

    const again = await run([
      '--url',
      server.url,
      '--requests',
      path,
      '--timeout',
      '15s',
      '--rate',
      '60',
      '--for',
      '1s',
      '--threads',
      '0',
      '--ctr',
      '0',
    ]);
    expect(again.out).toContain('60 answered');
    expect(again.out).toContain('errors        0 ');
  });

  it('prints what was measured when it is interrupted', async () => {
    const abort = new AbortController();
    const server = await bidder({ delayMs: abortAt(30, abort) });
    const args = [
      '--url',
      server.url,
      '--rate',
      '100',
      '--for',
      '1h',
      '--warmup',
      '1ms',
      '--threads',
      '0',
      '--no-market',
    ];
    const { code, out } = await run(args, { signal: abort.signal });
    expect(code).toBe(0);
    expect(out).toContain('interrupted');
    expect(out).toMatch(/latency +p50/);
  });

  it('has no ledger files lying about when a folder is named', async () => {
    const server = await bidder();
    const args = [
      '--url',
      server.url,
      '--rate',
      '50',
      '--for',
      '1s',
      '--threads',
      '0',
      '--ctr',
      '0',
      '--ledger',
      folder,
    ];
    expect((await run(args)).code).toBe(0);
    expect(existsSync(join(folder, `ledger-r${seededRandom(11).nextUint32().toString(36)}`, 'ledger-0.jsonl'))).toBe(
      true,
    );
  });
});

describe('finding the limit', () => {
  it('ends close below the rate at which a server breaks, in few probes', () => {
    for (const capacity of [120, 980, 7321, 40_000]) {
      const probes: Probe[] = [];
      for (let rps = nextRate(probes, 500); rps !== null; rps = nextRate(probes, 500)) {
        probes.push({ rps, kept: rps <= capacity, senderLimited: false });
      }
      expect(limitOf(probes)).toBeLessThanOrEqual(capacity);
      expect(limitOf(probes)).toBeGreaterThan(capacity * 0.88);
      expect(probes.length).toBeLessThanOrEqual(13);
    }
  });

  it('finds none on a server that keeps no rate', () => {
    const probes: Probe[] = [];
    for (let rps = nextRate(probes, 500); rps !== null; rps = nextRate(probes, 500)) {
      probes.push({ rps, kept: false, senderLimited: false });
    }
    expect(limitOf(probes)).toBe(0);
  });
});

describe('verdicts', () => {
  it('call a difference by its name only when it exceeds the noise', () => {
    expect(compareValues('p99', [10, 10.2, 9.9], [12, 12.1, 11.9]).verdict).toBe('worse');
    expect(compareValues('p99', [10, 14, 9], [12, 11, 13]).verdict).toBe('within noise');
    expect(compareValues('p99', [10, 10.1, 9.9], [8, 8.1, 7.9]).verdict).toBe('better');
    expect(compareValues('answers/s', [1000, 1001], [900, 901]).verdict).toBe('worse');
    expect(compareValues('p50', [10], [10.8]).verdict).toBe('within noise');
    expect(compareValues('p50', [10], [10.1]).verdict).toBe('same');
    expect(compareValues('errors', [0], [0.2]).verdict).toBe('worse');
  });

  it('see memory that grows, and not a single peak', () => {
    const mib = 1_048_576;
    const look = (bytes: (i: number) => number) =>
      vitalDrifts(Array.from({ length: 30 }, (_, i) => ({ atMs: i, values: { 'server rssBytes': bytes(i) } })))[0]!;
    expect(look((i) => (100 + i * 10) * mib).suspicious).toBe(true);
    expect(look((i) => (i === 29 ? 900 : 100) * mib).suspicious).toBe(false);
    expect(look((i) => (100 + (i % 3)) * mib).suspicious).toBe(false);
  });

  it('judge memory by what has no file behind it, where that is known', () => {
    const mib = 1_048_576;
    const suspicious = (rss: number, anon: number) =>
      vitalDrifts(
        Array.from({ length: 30 }, (_, i) => ({
          atMs: i,
          values: { 'server rssBytes': (300 + i * rss) * mib, 'server anonBytes': (100 + i * anon) * mib },
        })),
      ).filter((drift) => drift.suspicious);
    expect(suspicious(20, 0)).toEqual([]);
    expect(suspicious(20, 10).map(({ name }) => name)).toEqual(['server anonBytes']);
  });
});
