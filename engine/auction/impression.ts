import type { CreativeFormat } from '../../core/campaign.ts';
import type { ExchangeProfile } from '../config.ts';
import { DIM } from '../match/terms.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import { type BannerOffer, createBannerOffer, readBanner } from './banneroffer.ts';
import { createMediaOffer, type MediaOffer, readAudio, readVideo } from './mediaoffer.ts';
import { type NativeOffer, readNative } from './nativeoffer.ts';

const IMP = shapes.IMP.f;
const BANNER = shapes.BANNER.f;
const VIDEO = shapes.VIDEO.f;
const AUDIO = shapes.AUDIO.f;
const NATIVE = shapes.NATIVE.f;

/** What one impression offers, read once per impression and reused. Formats it does not offer are null. */
export interface Impression {
  node: number;
  secure: boolean;
  banner: BannerOffer | null;
  video: MediaOffer | null;
  audio: MediaOffer | null;
  native: NativeOffer | null;
  /** Creative attributes the publisher blocks (`battr`), by format. */
  readonly blockedAttributes: Readonly<Record<CreativeFormat, Set<number>>>;
}

const bannerOffer = createBannerOffer();
const videoOffer = createMediaOffer();
const audioOffer = createMediaOffer();

export function createImpression(): Impression {
  return {
    node: -1,
    secure: false,
    banner: null,
    video: null,
    audio: null,
    native: null,
    blockedAttributes: { banner: new Set(), video: new Set(), audio: new Set(), native: new Set() },
  };
}

/** Reads an impression and sets its terms. @returns whether it offers anything we sell at this exchange */
export function readImpression(
  scan: RequestScan,
  node: number,
  profile: ExchangeProfile,
  terms: string[][],
  into: Impression,
): boolean {
  const { media } = profile;
  const banner = media.includes('banner') ? scan.object(node, IMP.banner) : -1;
  const video = media.includes('video') ? scan.object(node, IMP.video) : -1;
  const audio = media.includes('audio') ? scan.object(node, IMP.audio) : -1;
  const native = media.includes('native') ? scan.object(node, IMP.native) : -1;
  into.node = node;
  into.secure = scan.numOr(node, IMP.secure, 0) === 1;
  const interstitial = scan.numOr(node, IMP.instl, 0) === 1;
  into.banner = banner < 0 ? null : readBanner(scan, banner, interstitial, bannerOffer);
  into.video = video < 0 ? null : readVideo(scan, video, videoOffer);
  into.audio = audio < 0 ? null : readAudio(scan, audio, audioOffer);
  into.native = native < 0 ? null : readNative(scan.text(native, NATIVE.request));
  const { blockedAttributes } = into;
  readAttributes(scan, banner, BANNER.battr, blockedAttributes.banner);
  readAttributes(scan, video, VIDEO.battr, blockedAttributes.video);
  readAttributes(scan, audio, AUDIO.battr, blockedAttributes.audio);
  readAttributes(scan, native, NATIVE.battr, blockedAttributes.native);
  return setTerms(scan, banner, video, terms, into);
}

function setTerms(scan: RequestScan, banner: number, video: number, terms: string[][], into: Impression): boolean {
  const fill = terms[DIM.fill]!;
  const sizes = terms[DIM.size]!;
  const positions = terms[DIM.position]!;
  fill.length = 0;
  sizes.length = 0;
  positions.length = 0;
  if (into.banner !== null) {
    const { exact, ranges } = into.banner;
    for (let i = 0; i < exact.length; i += 2) {
      const size = `${exact[i]}x${exact[i + 1]}`;
      sizes.push(size);
      fill.push(`banner:${size}`);
    }
    if (ranges.length > 0) fill.push('banner');
  }
  if (into.video !== null) {
    fill.push('video');
    if (into.video.w > 0 && into.video.h > 0) sizes.push(`${into.video.w}x${into.video.h}`);
  }
  if (into.audio !== null) fill.push('audio');
  if (into.native !== null) fill.push('native');
  const position = scan.numOr(banner, BANNER.pos, scan.numOr(video, VIDEO.pos, 0));
  if (position > 0) positions.push(String(position));
  return fill.length > 0;
}

function readAttributes(scan: RequestScan, node: number, field: number, into: Set<number>): void {
  if (into.size > 0) into.clear();
  for (let i = scan.first(node, field); i !== 0; i = scan.next(i)) into.add(scan.itemNum(i));
}
