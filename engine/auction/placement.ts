import type { TermList } from '../match/termlist.ts';
import { DIM } from '../match/terms.ts';
import { Term } from '../match/vocabulary.ts';
import type { Wanted } from '../request/audience.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import type { Impression } from './impression.ts';

const IMP = shapes.IMP.f;
const VIDEO = shapes.VIDEO.f;
const AUDIO = shapes.AUDIO.f;

/** AdCOM's lists begin with -2; what is in no list has no term. */
const FIRST = -2;
const listed = ['-2', '-1', '0', '1', '2', '3', '4'].map((text) => new Term(text));
/** AdCOM placement subtypes from before 2023, by number, as the list of today (`plcmt`) has them; 1 is not in it. */
const plcmtOfPlacement = [0, 0, 4, 4, 4, 3] as const;
const GENERIC_MID_ROLL = -1;

/** Reads where and how an ad would be shown, as far as any line item aims at it. */
export function readPlacement(
  scan: RequestScan,
  { node, video, audio }: Impression,
  wanted: Wanted,
  terms: readonly TermList[],
): void {
  const videoNode = video === null ? -1 : scan.object(node, IMP.video);
  const audioNode = audio === null ? -1 : scan.object(node, IMP.audio);
  if (wanted.uses(DIM.plcmt)) {
    const older = plcmtOfPlacement[scan.numOr(videoNode, VIDEO.placement, 0)] ?? 0;
    const plcmt = scan.numOr(videoNode, VIDEO.plcmt, older);
    setTerm(terms[DIM.plcmt]!, plcmt > 0 ? plcmt : Number.NaN);
  }
  if (wanted.uses(DIM.startDelay)) {
    const delay = scan.numOr(videoNode, VIDEO.startdelay, scan.numOr(audioNode, AUDIO.startdelay, Number.NaN));
    setTerm(terms[DIM.startDelay]!, delay > 0 ? GENERIC_MID_ROLL : delay);
  }
  if (wanted.uses(DIM.slotInPod)) {
    const slot = scan.numOr(videoNode, VIDEO.slotinpod, scan.numOr(audioNode, AUDIO.slotinpod, Number.NaN));
    setTerm(terms[DIM.slotInPod]!, slot);
  }
  if (wanted.uses(DIM.rewarded)) setTerm(terms[DIM.rewarded]!, scan.numOr(node, IMP.rwdd, 0));
  if (wanted.uses(DIM.skippable)) setTerm(terms[DIM.skippable]!, scan.numOr(videoNode, VIDEO.skip, Number.NaN));
  if (wanted.uses(DIM.interstitial)) setTerm(terms[DIM.interstitial]!, scan.numOr(node, IMP.instl, 0));
}

function setTerm(terms: TermList, value: number): void {
  terms.clear();
  const term = listed[value - FIRST];
  if (term !== undefined) terms.add(term);
}
