import { exitCodes } from '../../core/exitcodes.ts';
import { parseGate } from '../gate/gate.ts';
import type { LoadtestResult } from '../run/result.ts';
import type { Draft } from './draft.ts';
import { parseCommandLine } from './parse.ts';
import { ms } from './progress.ts';
import type { CommandDeps } from './rundraft.ts';
import { refuseWords, runDraft } from './rundraft.ts';
import { badOption } from './shapes.ts';

/** One rate that was tried. */
export interface Probe {
  readonly rps: number;
  readonly kept: boolean;
  /** The sender and not the server was the limit: says nothing about the server. */
  readonly senderLimited: boolean;
}

const MAX_PROBES = 16;
/** The answer is this close, as a share of the rate. */
const PRECISION = 0.05;
const PROBE_MS = 15_000;
const PROBE_WARMUP_MS = 3000;
const DEFAULT_GATES = ['p99<30ms'].map(parseGate);
/** Go with gates of one's own, too, unless those are on the same: a rate that was not sent, or not answered, is not kept. */
const USUAL_GATES = ['errors<0.1%', 'dropped<0.1%'].map(parseGate);

/**
 * Which rate to try next: doubles until a rate fails, then halves the gap between the highest rate kept and the lowest
 * that failed. null when the limit is known closely enough.
 */
export function nextRate(probes: readonly Probe[], firstRps: number): number | null {
  const kept = Math.max(0, ...probes.filter((probe) => probe.kept).map((probe) => probe.rps));
  const failed = Math.min(Infinity, ...probes.filter((probe) => !probe.kept).map((probe) => probe.rps));
  if (probes.length === 0) return firstRps;
  if (probes.length >= MAX_PROBES) return null;
  if (failed === Infinity) return kept * 2;
  // A rate that failed below one that was kept is noise: the lower one decides.
  const low = Math.max(0, ...probes.filter((probe) => probe.kept && probe.rps < failed).map((probe) => probe.rps));
  if (failed - low <= Math.max(10, failed * PRECISION)) return null;
  return Math.round((low + failed) / 2);
}

/** The highest rate kept below every rate that failed; 0 when none was. */
export function limitOf(probes: readonly Probe[]): number {
  const failed = Math.min(Infinity, ...probes.filter((probe) => !probe.kept).map((probe) => probe.rps));
  return Math.max(0, ...probes.filter((probe) => probe.kept && probe.rps < failed).map((probe) => probe.rps));
}

/** `loadtest find-limit`: searches the highest rate that keeps the gates. Exit code 99 when no rate does. */
export async function findLimitMode(args: readonly string[], deps: CommandDeps): Promise<number> {
  const { draft, words } = parseCommandLine(args, deps.apiKey);
  refuseWords(words);
  if (draft.stages.length > 0)
    throw badOption('find-limit chooses the rates itself.', 'Give --rate to begin with, and --for.');
  if (draft.options.closedUsers > 0) throw badOption('find-limit needs an open loop.', 'Leave out --closed-loop.');
  const own = draft.gates.length > 0 ? draft.gates : DEFAULT_GATES;
  const gates = [...own, ...USUAL_GATES.filter(({ metric }) => own.every((gate) => gate.metric !== metric))];
  deps.out.write(`Searching the highest rate that keeps ${gates.map((gate) => gate.text).join(', ')}\n`);
  const probes: Probe[] = [];
  for (let rps = nextRate(probes, draft.rate ?? 500); rps !== null; rps = nextRate(probes, draft.rate ?? 500)) {
    let result = await runDraft(probeDraft(draft, rps, gates), deps);
    // One bad moment of the machine is not the limit of the server: only failing twice counts.
    if (!result.passed && !deps.signal.aborted) result = await runDraft(probeDraft(draft, rps, gates), deps);
    if (deps.signal.aborted) break;
    const probe = { rps, kept: result.passed, senderLimited: !result.passed && result.sender.warnings.length > 0 };
    probes.push(probe);
    deps.out.write(`${probeLine(probe, result)}\n`);
  }
  const limit = limitOf(probes);
  deps.out.write(conclusion(probes, limit));
  return limit > 0 ? exitCodes.ok.code : exitCodes.slaFailed.code;
}

function probeDraft(draft: Draft, rps: number, gates: Draft['gates']): Draft {
  const warmupMs = draft.warmupMs ?? PROBE_WARMUP_MS;
  const forMs = (draft.forMs ?? PROBE_MS) + warmupMs;
  return {
    ...draft,
    warmupMs,
    rate: rps,
    forMs,
    gates: [...gates],
    // Reports of single probes would overwrite each other.
    outDir: '',
    htmlPath: '',
    jsonPath: '',
    hdrPath: '',
  };
}

function probeLine(probe: Probe, { latency, gates, sender }: LoadtestResult): string {
  const failed = gates.filter((gate) => !gate.passed).map((gate) => gate.gate.text);
  const text = probe.kept ? 'kept' : `failed ${failed.join(', ')}`;
  const doubt = probe.senderLimited ? '  (the sender may be the limit)' : '';
  return `${String(probe.rps).padStart(7)}/s  p50 ${ms(latency.p50Ms)}  p99 ${ms(latency.p99Ms)}  sender ${(sender.maxBusy * 100).toFixed(0)} % busy  ${text}${doubt}`;
}

function conclusion(probes: readonly Probe[], limit: number): string {
  if (limit === 0) return '\nNo rate kept the gates.\n';
  const doubt = probes.some((probe) => probe.senderLimited)
    ? ' At higher rates this sender may have been the limit: repeat with more --threads or from another machine.'
    : '';
  return `\nThe highest rate that kept the gates: ${limit}/s.${doubt}\n`;
}
