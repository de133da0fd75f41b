import type { Line } from '../catalog/line.ts';
import type { ReadyCreative } from '../creative/compile.ts';
import type { Circumstances } from './judge.ts';
import type { MediaOffer } from './mediaoffer.ts';

/** The part of an impression that a video or audio creative answers; null for other creatives. */
export function mediaOfferFor(about: Circumstances, creative: ReadyCreative): MediaOffer | null {
  if (creative.format === 'video') return about.impression.video;
  return creative.format === 'audio' ? about.impression.audio : null;
}

/**
 * The pod that an ad would play in, 0 for none. Impressions that share a `podid` are one pod; a dynamic pod (`poddur`)
 * without an id is one of its own.
 */
export function podOf(about: Circumstances, offer: MediaOffer | null): number {
  if (offer === null) return 0;
  if (offer.pod !== 0) return offer.pod;
  return offer.podSeconds > 0 ? -about.impression.number : 0;
}

/**
 * Whether what this request has won already keeps an ad away: another ad of its advertiser on the page where the
 * exchange asks for one at most, the same ad in the pod, and in pods that ask for it (`poddedupe`) any ad of the same
 * advertiser or category.
 */
export function isSeparated(line: Line, creative: ReadyCreative, about: Circumstances): boolean {
  const { won } = about;
  if (won.size === 0) return false;
  if (about.profile.oneAdPerAdvertiser && won.hasAdvertiser(line, creative, 0)) return true;
  const offer = mediaOfferFor(about, creative);
  const pod = podOf(about, offer);
  if (pod === 0) return false;
  if (won.hasCreative(creative.id, pod)) return true;
  return offer!.dedupe && (won.hasAdvertiser(line, creative, pod) || won.hasCategory(creative, pod));
}

/**
 * Takes an ad's time out of the dynamic pod it was just sold into, so that the rest can be sold to the next ad.
 * @param ads sold into it so far
 * @returns whether there is a rest: false for an impression that is no dynamic pod
 */
export function leavesRoom(about: Circumstances, creative: ReadyCreative, ads: number): boolean {
  const offer = mediaOfferFor(about, creative);
  if (offer === null || offer.podSeconds === 0 || ads >= offer.maxAds) return false;
  offer.podSeconds -= creative.durationSeconds;
  offer.maxSeconds = Math.min(offer.maxSeconds, offer.podSeconds);
  if (offer.podSeconds <= 0 || offer.maxSeconds < offer.minSeconds) return false;
  // The pod is of this medium now.
  const { impression } = about;
  impression.banner = null;
  impression.native = null;
  if (creative.format === 'video') impression.audio = null;
  else impression.video = null;
  return true;
}
