import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { systemClock } from '../../core/clock.ts';
import { CodedError } from '../../core/errors.ts';
import { exitCodes } from '../../core/exitcodes.ts';
import { parseArguments } from '../arguments.ts';

interface BenchFlags {
  readonly quick: boolean;
  readonly json: boolean;
  readonly flags: Readonly<Record<string, string>>;
}

/** Each loads its own part of the product, so that one bench does not pay for another's. */
const benches: Readonly<Record<string, (flags: BenchFlags) => Promise<boolean>>> = {
  async bid({ quick, json }) {
    const { bidBench } = await import('./benchbid.ts');
    return bidBench(quick, json, progress);
  },
  latency: (flags) => pressure('latency', flags),
  overload: (flags) => pressure('overload', flags),
  soak,
  async sender({ quick, json }) {
    const { runSelfCheck } = await import('../../loadtest/selfcheck/selfcheck.ts');
    const { SELF_CHECK_HEAD, roundText, selfCheckText } = await import('../../loadtest/selfcheck/selfchecktext.ts');
    const print = (text: string): void => void (json ? null : process.stdout.write(text));
    print(SELF_CHECK_HEAD);
    const result = await runSelfCheck({
      ratePerSecond: 10_000,
      rounds: quick ? 1 : 5,
      seconds: quick ? 2 : 6,
      warmupSeconds: quick ? 1 : 3,
      onRound: (round) => print(roundText(round)),
    });
    print(selfCheckText(result));
    if (json) console.log(JSON.stringify({ ...about(), ...result }, rounded, 1));
    return result.passed;
  },
  async pipeline({ quick, json, flags }) {
    const { pipelineBench } = await import('./benchpipeline.ts');
    return pipelineBench(quick, json, flags);
  },
  async pacing({ quick, json, flags }) {
    const { benchPacing } = await import('../../pacing/sim/bench.ts');
    const { tables } = await import('../../pacing/sim/benchtables.ts');
    if (flags.from !== undefined) {
      const { summary } = await import('../../pacing/sim/benchsummary.ts');
      console.log(summary(JSON.parse(readFileSync(flags.from, 'utf8'))));
      return true;
    }
    const given = (name: string): Record<string, number> =>
      flags[name] === undefined ? {} : { [name]: wholeNumber(flags, name) };
    const save = (result: unknown): void => {
      if (flags.out !== undefined)
        writeFileSync(flags.out, `${JSON.stringify({ ...about(), ...(result as object) }, rounded)}\n`);
    };
    const result = await benchPacing({
      quick,
      ...given('seed'),
      ...given('seeds'),
      ...given('auctions'),
      ...given('minutes'),
      ...given('workers'),
      ...(flags.only === undefined ? {} : { only: flags.only }),
      onSeed: save,
      onProgress: (share, what) => progress(`${(share * 100).toFixed(0)} % ${what}`),
    });
    progress('');
    save(result);
    process.stdout.write(json ? `${JSON.stringify({ ...about(), ...result }, null, 1)}\n` : tables(result));
    return result.passed;
  },
};

/** At a fixed rate, of a bidder over `--line-items`, or with `--target product` of everything that `npm start` runs. */
async function pressure(kind: 'latency' | 'overload', { quick, json, flags }: BenchFlags): Promise<boolean> {
  const { runLatencyBench, runOverloadBench } = await import('../../engine/bench/pressure.ts');
  const { pressureTable } = await import('../../engine/bench/pressuretable.ts');
  const { startProduct } = await import('./benchproduct.ts');
  const options = {
    clock: systemClock,
    seconds: Number(flags.seconds ?? (quick ? 3 : 20)),
    rounds: quick ? 1 : 3,
    lineItems: Number(flags['line-items'] ?? 10_000),
    ratePerSecond: Number(flags.rate ?? 16_000),
    ...(flags.target === 'product' ? { target: await startProduct() } : {}),
    onProgress: progress,
  };
  const result = await (kind === 'latency' ? runLatencyBench : runOverloadBench)(options);
  console.log(json ? JSON.stringify(result, null, 2) : pressureTable(result));
  return result.rows.every(({ errors }) => errors === 0);
}

/** Ten minutes, or a quarter of one, at a steady rate: memory and major collections. */
async function soak({ quick, json, flags }: BenchFlags): Promise<boolean> {
  const { runSoak, soakTable } = await import('../../engine/bench/soak.ts');
  const seconds = Number(flags.seconds ?? (quick ? 15 : 600));
  const parts = quick ? 3 : 10;
  const result = await runSoak({
    lineItems: Number(flags['line-items'] ?? 10_000),
    ratePerSecond: Number(flags.rate ?? 5000),
    partSeconds: seconds / parts,
    parts,
    onProgress: progress,
  });
  console.log(json ? JSON.stringify(result, null, 2) : soakTable(result));
  return result.ok;
}

/** What a result is worth nothing without. */
function about(): { command: string; commit: string; machine: string; load: string } {
  const git = spawnSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' });
  return {
    command: `npm run bench -- ${process.argv.slice(3).join(' ')}`,
    commit: git.stdout?.trim() || 'unknown',
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, node ${process.version}`,
    load: loadavg()
      .map((one) => one.toFixed(1))
      .join(' '),
  };
}

/** Five digits are more than a score of a simulation means. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}

function wholeNumber(flags: Readonly<Record<string, string>>, name: string): number {
  const value = Number(flags[name]);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new CodedError('arguments.invalid', `--${name} is not a whole number of 1 or more.`, `Write --${name}=N.`);
}

const pacingFlags = ['seed', 'seeds', 'auctions', 'minutes', 'workers', 'only', 'from', 'out'];
const pressureFlags = ['seconds', 'rate', 'line-items', 'target'];
const pipelineFlags = ['through', 'kafka', 'prefix', 'records'];
const benchFlags = ['quick', 'json', ...pacingFlags, ...pressureFlags, ...pipelineFlags];

export const BENCH_USAGE = `${Object.keys(benches).join('|')} [--quick] [--json]
         latency, overload, soak: [--seconds=N] [--rate=N] [--line-items=N] [--target=product]
         pipeline: [--seconds=N] [--rate=N] [--only=embedded|kafka] [--kafka=HOST:PORT]
         pacing: [--seed=N] [--seeds=N] [--auctions=N] [--minutes=N] [--workers=N] [--only=TEXT] [--out=FILE] [--from=FILE]`;

/** `npm run bench -- NAME`. Exit code 1 when a bar is missed. */
export async function benchCommand(args: readonly string[]): Promise<number> {
  const { words, flags } = parseArguments(args, new Set(['quick', 'json']));
  const bench = benches[words[0] ?? ''];
  const unknown = Object.keys(flags).find((name) => !benchFlags.includes(name));
  if (bench === undefined || unknown !== undefined) {
    const what = bench === undefined ? 'no such bench' : `no bench knows --${unknown}`;
    throw new CodedError('arguments.invalid', `${what}.`, `Use: bench ${BENCH_USAGE}.`);
  }
  const ok = await bench({ quick: 'quick' in flags, json: 'json' in flags, flags });
  return ok ? exitCodes.ok.code : exitCodes.failed.code;
}

/** One redrawn line on a terminal; nothing in a file, where only the result matters. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`);
}
