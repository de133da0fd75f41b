import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { exitCodes } from '../../core/exitcodes.ts';
import type { Random } from '../../core/random.ts';
import { hdrLog } from '../report/hdrlog.ts';
import { htmlReport } from '../report/html.ts';
import type { LoadtestOptions } from '../run/options.ts';
import type { LoadtestResult } from '../run/result.ts';
import { runLoadtest } from '../run/run.ts';
import { hasNoValidAnswer } from '../send/counters.ts';
import { readRequests } from '../traffic/requestfile.ts';
import type { Draft } from './draft.ts';
import { finishDraft } from './draft.ts';
import type { Terminal } from './progress.ts';
import { createProgressView } from './progress.ts';
import { badOption } from './shapes.ts';

/** What the command needs of its surroundings. */
export interface CommandDeps {
  readonly clock: Clock;
  /** Names the run, so that an audit can tell it from other traffic. */
  readonly random: Random;
  /** Progress and results. */
  readonly out: Terminal;
  /** Problems. */
  readonly err: Terminal;
  /** Aborted by Ctrl-C: the run ends and what was measured is printed. */
  readonly signal: AbortSignal;
  /** Key of the report API from the environment, '' when there is none. */
  readonly apiKey: string;
  readonly version: string;
}

/** @throws CodedError when there are words that no option takes */
export function refuseWords(words: readonly string[]): void {
  if (words.length > 0) throw badOption(`"${words[0]}" belongs to no option.`, 'See `evenkeel loadtest --help`.');
}

/**
 * 99 is for gates and the audit alone. A run without a single valid answer has measured nothing, whatever its gates say of
 * refusals that came quickly: that is 1, as for any test that could not be done.
 */
export function exitCodeOf(result: LoadtestResult): number {
  if (result.problems.length > 0) return exitCodes.failed.code;
  if (!result.passed) return exitCodes.slaFailed.code;
  return hasNoValidAnswer(result.counters) ? exitCodes.failed.code : exitCodes.ok.code;
}

/** Runs one load test with progress, and writes the reports that were asked for. */
export async function runDraft(draft: Draft, deps: CommandDeps): Promise<LoadtestResult> {
  const scope = `r${deps.random.nextUint32().toString(36)}`;
  const options = withLedger(finishDraft(draft, scope), draft, scope);
  // Read here too, so that a bad file is a bad option and not a failed sender.
  const skipped = options.requestsPath === '' ? 0 : readRequests(options.requestsPath).skipped;
  if (skipped > 0) deps.err.write(`${options.requestsPath}: ${skipped} lines are no bid request and are left out.\n`);
  const paths = outputPaths(draft);
  const view = createProgressView(deps.out, draft.quiet);
  const stopping = (): void => view.phase('stopping');
  deps.signal.addEventListener('abort', stopping, { once: true });
  let hdr = '';
  const result = await runLoadtest(options, {
    clock: deps.clock,
    signal: deps.signal,
    version: deps.version,
    onPhase: view.phase,
    onProgress: view.show,
    ...(paths.hdr === ''
      ? {}
      : {
          onHistograms: (histograms, startedMs) => {
            hdr = hdrLog(histograms, startedMs, options.intervalMs, deps.version);
          },
        }),
  });
  deps.signal.removeEventListener('abort', stopping);
  view.done();
  writeOutput(paths.html, () => htmlReport(result), deps);
  writeOutput(paths.json, () => `${JSON.stringify(result, null, 1)}\n`, deps);
  writeOutput(paths.hdr, () => hdr, deps);
  return result;
}

/** Every run has a ledger of its own: a folder with one file per thread. */
function withLedger(options: LoadtestOptions, draft: Draft, run: string): LoadtestOptions {
  if (options.market === null) return options;
  const parent = options.ledgerDir ?? draft.outDir;
  const ledgerDir = parent === '' ? mkdtempSync(join(tmpdir(), 'evenkeel-ledger-')) : join(parent, `ledger-${run}`);
  return { ...options, ledgerDir };
}

function outputPaths({ outDir, htmlPath, jsonPath, hdrPath }: Draft) {
  const inDir = (name: string): string => (outDir === '' ? '' : join(outDir, name));
  return {
    html: htmlPath || inDir('report.html'),
    json: jsonPath || inDir('report.json'),
    hdr: hdrPath || inDir('latency.hlog'),
  };
}

function writeOutput(path: string, make: () => string, deps: CommandDeps): void {
  if (path === '') return;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, make());
    deps.out.write(`Wrote ${path}\n`);
  } catch (error) {
    deps.err.write(`evenkeel loadtest: ${path} could not be written: ${(error as Error).message}\n`);
  }
}
