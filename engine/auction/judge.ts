import type { NoBidReason } from '../../core/reasons.ts';
import type { Line } from '../catalog/line.ts';
import type { ExchangeProfile } from '../config.ts';
import type { ReadyCreative } from '../creative/compile.ts';
import type { Audience } from '../request/audience.ts';
import { valueNanos } from '../value/value.ts';
import { type Blocks, blockedBy } from './blocks.ts';
import { isWithin } from './distance.ts';
import type { Floors } from './floors.ts';
import type { BudgetGate } from './gate.ts';
import { hashWith } from './hash.ts';
import { fits, type Impression } from './impression.ts';
import { isScheduled } from './schedule.ts';

const MILLION = 1_000_000;
const PASS_SALT = 0x70617373;

/** Everything about one impression that a line item is judged by. */
export interface Circumstances {
  readonly nowMs: number;
  /** Hash of auction id and impression: decides ties, throttling and rotation. */
  readonly seed: number;
  readonly profile: ExchangeProfile;
  readonly impression: Impression;
  readonly blocks: Blocks;
  readonly floors: Floors;
  readonly audience: Audience;
}

/** The verdict on a line item that may bid. */
export interface Judge {
  price: number;
  creative: ReadyCreative | null;
}

/**
 * Judges one line item whose terms match, in the order of the funnel.
 * @returns why it does not bid, or null with price and creative in `verdict`
 */
export function judge(line: Line, about: Circumstances, gate: BudgetGate, verdict: Judge): NoBidReason | null {
  if (!isScheduled(line, about.nowMs, about.audience.utcOffsetMinutes)) return 'flight';
  const circles = line.item.targeting.within;
  if (circles.length > 0 && !isWithin(circles, about.audience.lat, about.audience.lon)) return 'targeting';
  const refusal = chooseCreative(line, about, verdict);
  if (refusal !== null) return refusal;
  if (!gate.load(line.slot)) return 'budget';
  const price = Math.floor((valueNanos(line) * gate.multiplierPpm) / MILLION);
  if (price < 1 || price < about.floors.floorNanos) return 'below_floor';
  const passPpm = gate.passPpm;
  if (passPpm < MILLION && hashWith(about.seed ^ PASS_SALT, line.item.id) % MILLION >= passPpm) return 'pacing';
  if (!gate.covers(price, about.nowMs)) return 'budget';
  verdict.price = price;
  return null;
}

/** Chooses among the creatives that fit, in turn by hash. The reason given is that of the furthest one. */
function chooseCreative(line: Line, about: Circumstances, verdict: Judge): NoBidReason | null {
  const { creatives } = line;
  const offset = creatives.length === 1 ? 0 : hashWith(about.seed, line.item.id) % creatives.length;
  let reason: NoBidReason = 'creative_size';
  for (let i = 0; i < creatives.length; i++) {
    const creative = creatives[(offset + i) % creatives.length]!;
    if (!fits(about.impression, creative)) continue;
    const refusal = creativeRefusal(creative, about);
    if (refusal === null) {
      verdict.creative = creative;
      return null;
    }
    reason = refusal;
  }
  return reason;
}

function creativeRefusal(creative: ReadyCreative, about: Circumstances): NoBidReason | null {
  const approval = creative.source.exchangeApprovals[about.profile.name] ?? creative.source.approval;
  if (approval !== 'approved') return 'creative_approval';
  if (about.impression.secure && !creative.secure) return 'creative_insecure';
  return blockedBy(about.blocks, creative);
}
