import type { CreativeFormat } from '../../core/campaign.ts';
import type { ExchangeProfile } from '../config.ts';
import type { TermList } from '../match/termlist.ts';
import { DIM } from '../match/terms.ts';
import { noTerm, numericTerm, Term } from '../match/vocabulary.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import { type BannerOffer, createBannerOffer, packSize, readBanner, unpackSize } from './banneroffer.ts';
import { AttributeList } from './blocks.ts';
import { createMediaOffer, type MediaOffer, readAudio, readVideo } from './mediaoffer.ts';
import { type NativeOffer, readNative } from './nativeoffer.ts';

const IMP = shapes.IMP.f;
const BANNER = shapes.BANNER.f;
const VIDEO = shapes.VIDEO.f;
const QTY = shapes.QTY.f;
const AUDIO = shapes.AUDIO.f;
const NATIVE = shapes.NATIVE.f;

/** What one impression offers, read once per impression and reused. Formats it does not offer are null. */
export interface Impression {
  node: number;
  /** Its place in the request, from 1. */
  number: number;
  secure: boolean;
  /** How many impressions one showing is (`qty.multiplier`), as on a screen in public space; 1 elsewhere. */
  quantity: number;
  banner: BannerOffer | null;
  video: MediaOffer | null;
  audio: MediaOffer | null;
  native: NativeOffer | null;
  /** Creative attributes the publisher blocks (`battr`), by format. */
  readonly blockedAttributes: Readonly<Record<CreativeFormat, AttributeList>>;
}

/** What creatives of a format fill, whatever their size. */
const FILLS = {
  banner: new Term('banner'),
  video: new Term('video'),
  audio: new Term('audio'),
  native: new Term('native'),
};

const bannerOffer = createBannerOffer();
const videoOffer = createMediaOffer();
const audioOffer = createMediaOffer();

export function createImpression(): Impression {
  return {
    node: -1,
    number: 0,
    secure: false,
    quantity: 1,
    banner: null,
    video: null,
    audio: null,
    native: null,
    blockedAttributes: {
      banner: new AttributeList(),
      video: new AttributeList(),
      audio: new AttributeList(),
      native: new AttributeList(),
    },
  };
}

/** Reads an impression and sets its terms. @returns whether it offers anything we sell at this exchange */
export function readImpression(
  scan: RequestScan,
  node: number,
  profile: ExchangeProfile,
  terms: readonly TermList[],
  into: Impression,
): boolean {
  const media = mediaOf(profile);
  const banner = (media & MEDIA.banner) !== 0 ? scan.object(node, IMP.banner) : -1;
  const video = (media & MEDIA.video) !== 0 ? scan.object(node, IMP.video) : -1;
  const audio = (media & MEDIA.audio) !== 0 ? scan.object(node, IMP.audio) : -1;
  const native = (media & MEDIA.native) !== 0 ? scan.object(node, IMP.native) : -1;
  into.node = node;
  into.secure = scan.numOr(node, IMP.secure, 0) === 1;
  const quantity = scan.numOr(scan.object(node, IMP.qty), QTY.multiplier, 1);
  into.quantity = quantity > 0 ? quantity : 1;
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

/** What an exchange sells, as bits. */
const MEDIA = { banner: 1, video: 2, audio: 4, native: 8 } as const;
let lastProfile: ExchangeProfile | null = null;
let lastMedia = 0;

function mediaOf(profile: ExchangeProfile): number {
  if (profile !== lastProfile) {
    lastProfile = profile;
    lastMedia = profile.media.reduce((bits, format) => bits | MEDIA[format], 0);
  }
  return lastMedia;
}

function setTerms(
  scan: RequestScan,
  banner: number,
  video: number,
  terms: readonly TermList[],
  into: Impression,
): boolean {
  const fill = terms[DIM.fill]!;
  const sizes = terms[DIM.size]!;
  const positions = terms[DIM.position]!;
  fill.clear();
  sizes.clear();
  positions.clear();
  if (into.banner !== null) {
    const { exact, exactCount, ranges } = into.banner;
    for (let i = 0; i < exactCount; i++) {
      const known = sizeTerms(exact[i]!);
      sizes.add(known.size);
      fill.add(known.banner);
    }
    if (ranges.length > 0) fill.add(FILLS.banner);
  }
  if (into.video !== null) {
    fill.add(FILLS.video);
    const size = packSize(into.video.w, into.video.h);
    if (size !== 0) sizes.add(sizeTerms(size).size);
  }
  if (into.audio !== null) fill.add(FILLS.audio);
  if (into.native !== null) fill.add(FILLS.native);
  const position = scan.numOr(banner, BANNER.pos, scan.numOr(video, VIDEO.pos, 0));
  if (position > 0) positions.add(Number.isInteger(position) ? numericTerm(position) : new Term(String(position)));
  return fill.size > 0;
}

interface SizeTerms {
  readonly packed: number;
  readonly size: Term;
  readonly banner: Term;
}

/** A power of two; sizes that share a place are spelled anew. */
const KNOWN_SIZES = 1024;
const knownSizes: SizeTerms[] = Array.from({ length: KNOWN_SIZES }, () => ({
  packed: 0,
  size: noTerm,
  banner: noTerm,
}));

/** How targeting spells a size; the sizes of the day are remembered. */
function sizeTerms(packed: number): SizeTerms {
  const at = (Math.imul(packed, 0x9e3779b1) >>> 16) & (KNOWN_SIZES - 1);
  const known = knownSizes[at]!;
  if (known.packed === packed) return known;
  const { w, h } = unpackSize(packed);
  const size = `${w}x${h}`;
  const made = { packed, size: new Term(size), banner: new Term(`banner:${size}`) };
  knownSizes[at] = made;
  return made;
}

function readAttributes(scan: RequestScan, node: number, field: number, into: AttributeList): void {
  into.clear();
  for (let i = scan.first(node, field); i !== 0; i = scan.next(i)) into.add(scan.itemNum(i));
}
