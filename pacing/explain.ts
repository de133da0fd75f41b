import { nanosToDecimal } from '../core/money.ts';
import type { PacingState, PacingStatus } from '../core/pacingstatus.ts';
import type { Allocation } from './allocation.ts';
import { planned } from './controller.ts';
import { PRIOR_BILLS, rateAt } from './evidence.ts';
import type { LevelState, LineState } from './levelstate.ts';
import type { Blocked } from './tree.ts';

export interface ExplainInput {
  readonly nowMs: number;
  readonly allocation: Allocation;
  /** How far the forecast of the day's shape is believed, 0 to 1. */
  readonly belief: number;
  /** The store does not answer: what was spent is known from bidders' reports alone. */
  readonly storeDown: boolean;
  /** Bidders that report. */
  readonly nodes: number;
}

interface OfLine {
  readonly told: LineState;
  readonly blocked: Blocked;
  /** The level that decides its multiplier. */
  readonly binding: LevelState | null;
}

/** How a level stands, in numbers and in a sentence for the person who pays. */
export function explain(state: LevelState, ofLine: OfLine | null, input: ExplainInput): PacingStatus {
  const { level } = state;
  // The day when there is a daily budget, else the flight.
  const track = state.tracks.at(-1);
  const cell = track?.cell ?? ofLine?.binding?.tracks.at(-1)?.cell;
  const totals = track && input.allocation.totals(track.cell.name);
  const actual = totals?.confirmedNanos ?? 0n;
  const budget = track?.cell.budgetNanos ?? null;
  const plan = track ? planned(state, track, input.nowMs, state.restAuctions, 0, input.belief) : 0;
  const multiplier = ofLine?.told.multiplier ?? state.multiplier;
  const pass = ofLine?.told.pass ?? (state.spent ? 0 : state.pass);
  const rest = state.restAuctions * rateAt(state.evidence, multiplier) * pass;
  const forecast = Math.min(Number(actual) + rest, budget === null ? Number.POSITIVE_INFINITY : Number(budget));
  const facts = {
    actual: Number(actual),
    plan,
    budget: budget === null ? 0 : Number(budget),
    forecast,
    multiplier,
    pass,
  };
  const verdict = judgeLevel(state, ofLine, input, facts);
  const held = (totals?.committedNanos ?? 0n) - actual - (totals?.reservedNanos ?? 0n);
  return {
    level: level.kind,
    id: level.id,
    advertiserId: level.advertiserId,
    campaignId: level.campaignId,
    updatedMs: input.nowMs,
    fromMs: cell?.fromMs ?? level.flightStartMs,
    toMs: cell?.toMs ?? level.flightEndMs ?? input.nowMs,
    plan: level.plan,
    budgetNanos: budget?.toString() ?? null,
    lifetimeBudgetNanos: level.lifetimeNanos?.toString() ?? null,
    plannedNanos: Math.round(plan).toString(),
    actualNanos: actual.toString(),
    forecastNanos: Math.round(forecast).toString(),
    eligibleRest: Math.round(state.restAuctions),
    multiplierPpm: Math.round(multiplier * 1e6),
    passPpm: Math.round(pass * 1e6),
    leaseNanos: (held > 0n ? held : 0n).toString(),
    reservedNanos: (totals?.reservedNanos ?? 0n).toString(),
    presumedNanos: (totals?.presumedNanos ?? 0n).toString(),
    overNanos: overOf(state, input.allocation, actual).toString(),
    ...verdict,
    explanation: `${verdict.explanation}${presumedText(totals?.presumedNanos ?? 0n)}`,
  };
}

/** Confirmed above a budget of the level, of the day or the lifetime: as much of it as this period can have. */
function overOf(state: LevelState, allocation: Allocation, actual: bigint): bigint {
  let most = 0n;
  for (const { cell } of state.tracks) {
    const over = allocation.totals(cell.name).confirmedNanos - cell.budgetNanos;
    if (over > most) most = over;
  }
  return most < actual ? most : actual;
}

/** In words, where wins whose notice never came are counted as spent. */
function presumedText(nanos: bigint): string {
  if (nanos === 0n) return '';
  return ` ${money(Number(nanos))} is set aside for wins whose notice probably got lost; it is not billed.`;
}

interface Facts {
  readonly actual: number;
  readonly plan: number;
  readonly budget: number;
  readonly forecast: number;
  readonly multiplier: number;
  readonly pass: number;
}

function judgeLevel(
  state: LevelState,
  ofLine: OfLine | null,
  input: ExplainInput,
  facts: Facts,
): { state: PacingState; explanation: string } {
  const say = (code: PacingState, explanation: string): { state: PacingState; explanation: string } => ({
    state: code,
    explanation,
  });
  if (ofLine?.blocked === 'not_running' || (ofLine === null && !state.active))
    return say('not_running', 'Not running: paused, ended or outside its flight.');
  if (ofLine?.blocked === 'no_budget')
    return say('no_budget', 'No budget on the line item, its campaign or its account: it does not bid. Set one.');
  if (input.nodes === 0) return say('no_bidder', 'No bidder reports: nothing is being bid.');
  const binding = ofLine?.binding ?? state;
  if (binding.spent) return say('budget_spent', `The budget of the ${nameOf(binding)} is spent.`);
  if (input.storeDown)
    return say(
      'stale_feedback',
      `The store does not answer: paced by the bidders' own reports until it does (${money(facts.actual)} spent).`,
    );
  if (binding !== state && binding.level.key !== state.level.key && state.tracks.length === 0)
    return say('on_plan', `Follows the ${nameOf(binding)}: bids at ${percent(facts.multiplier)} of its value.`);
  if (!state.started) return say('learning', 'Waiting for the first traffic to judge prices by.');
  if (state.evidence.weight < PRIOR_BILLS + 8)
    return say('learning', `Learning prices: ${Math.floor(state.evidence.weight)} bills so far; credit is kept small.`);
  if (state.roomNanos < 0)
    return say(
      'ahead',
      `Ahead of plan (${money(facts.actual)} of ${money(facts.plan)}): waits until the plan catches up.`,
    );
  const gap = facts.plan === 0 ? 0 : facts.actual / facts.plan - 1;
  const pace = `spent ${money(facts.actual)}, planned ${money(facts.plan)}`;
  if (gap > -0.1)
    return say(
      'on_plan',
      `On plan (${pace}): bids at ${percent(facts.multiplier)} of its value${passText(facts.pass)}.`,
    );
  if (facts.multiplier >= 0.99)
    return say(
      facts.forecast >= 0.95 * facts.budget ? 'behind_start' : 'behind_supply',
      `Behind plan (${pace}) at full bids: too little traffic matches or wins. Widen the targeting or raise the bid.`,
    );
  return say(
    'behind_bid',
    `Behind plan (${pace}): bids are being raised, now ${percent(facts.multiplier)} of its value.`,
  );
}

function nameOf(state: LevelState): string {
  return `${state.level.kind.replace('_', ' ')} ${state.level.id}`;
}

function passText(pass: number): string {
  return pass < 0.999 ? ` in ${percent(pass)} of auctions` : '';
}

function percent(value: number): string {
  return `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`;
}

function money(nanos: number): string {
  // To a tenth of a cent, and finer below one unit.
  const step = Math.abs(nanos) < 1e9 ? 1e4 : 1e6;
  return nanosToDecimal(BigInt(Math.round(nanos / step)) * BigInt(step));
}
