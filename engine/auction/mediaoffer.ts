import type { ReadyCreative } from '../creative/compile.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import { hashText } from './hash.ts';

const VIDEO = shapes.VIDEO.f;
const AUDIO = shapes.AUDIO.f;
const LINEAR = 1;
/** AdCOM delivery method: our media files are fetched progressively. */
const PROGRESSIVE = 2;
const NO_POD = 0;

/** What a video or audio object asks for. */
export interface MediaOffer {
  /** Lower case; empty: any. */
  readonly mimes: string[];
  /** AdCOM creative subtypes; empty: not said. */
  readonly protocols: number[];
  readonly requiredSeconds: number[];
  minSeconds: number;
  maxSeconds: number;
  w: number;
  h: number;
  linear: boolean;
  minKbps: number;
  maxKbps: number;
  /** Least price per second of ad, CPM. */
  minCpmPerSecond: number;
  progressive: boolean;
  audio: boolean;
  /** 1 the player lets the viewer skip, 0 it does not, -1 not said. */
  skip: number;
  /** Only ads longer than this may be skipped, seconds. */
  skipMinSeconds: number;
  /** What must be seen before an ad can be skipped, seconds. */
  skipAfterSeconds: number;
  /** The pod (`podid`) as a number; 0: none, or a pod of this impression alone. */
  pod: number;
  /** A dynamic pod: seconds still to be filled (`poddur`); 0 when the impression is a single ad. */
  podSeconds: number;
  /** Most ads in the dynamic pod (`maxseq`). */
  maxAds: number;
  /** The seller wants the ads of a pod to differ in more than the creative (`poddedupe`). */
  dedupe: boolean;
}

export function createMediaOffer(): MediaOffer {
  return {
    mimes: [],
    protocols: [],
    requiredSeconds: [],
    minSeconds: 0,
    maxSeconds: 0,
    w: 0,
    h: 0,
    linear: true,
    minKbps: 0,
    maxKbps: 0,
    minCpmPerSecond: 0,
    progressive: true,
    audio: false,
    skip: -1,
    skipMinSeconds: 0,
    skipAfterSeconds: 0,
    pod: NO_POD,
    podSeconds: 0,
    maxAds: 1,
    dedupe: false,
  };
}

type MediaFields = Pick<
  typeof VIDEO,
  | 'mimes'
  | 'protocols'
  | 'rqddurs'
  | 'minduration'
  | 'maxduration'
  | 'poddur'
  | 'minbitrate'
  | 'maxbitrate'
  | 'mincpmpersec'
  | 'delivery'
  | 'podid'
  | 'maxseq'
>;

/** Reads a video object. */
export function readVideo(scan: RequestScan, node: number, into: MediaOffer): MediaOffer {
  readCommon(scan, node, VIDEO, into);
  const single = scan.numOr(node, VIDEO.protocol, 0);
  if (single > 0 && into.protocols.length === 0) into.protocols.push(single);
  into.w = scan.numOr(node, VIDEO.w, 0);
  into.h = scan.numOr(node, VIDEO.h, 0);
  into.linear = scan.numOr(node, VIDEO.linearity, LINEAR) === LINEAR;
  into.audio = false;
  into.skip = scan.numOr(node, VIDEO.skip, -1);
  into.skipMinSeconds = scan.numOr(node, VIDEO.skipmin, 0);
  into.skipAfterSeconds = scan.numOr(node, VIDEO.skipafter, 0);
  into.dedupe = scan.count(node, VIDEO.poddedupe) > 0;
  return into;
}

/** Reads an audio object. */
export function readAudio(scan: RequestScan, node: number, into: MediaOffer): MediaOffer {
  readCommon(scan, node, AUDIO, into);
  into.w = 0;
  into.h = 0;
  into.linear = true;
  into.audio = true;
  return into;
}

function readCommon(scan: RequestScan, node: number, fields: MediaFields, into: MediaOffer): void {
  into.mimes.length = 0;
  for (let i = scan.first(node, fields.mimes); i !== 0; i = scan.next(i)) {
    into.mimes.push(scan.itemText(i).trim().toLowerCase());
  }
  readNumbers(scan, node, fields.protocols, into.protocols);
  readNumbers(scan, node, fields.rqddurs, into.requiredSeconds);
  into.minSeconds = scan.numOr(node, fields.minduration, 0);
  const maxSeconds = scan.numOr(node, fields.maxduration, 0);
  const podSeconds = scan.numOr(node, fields.poddur, 0);
  into.maxSeconds = Math.min(maxSeconds > 0 ? maxSeconds : Infinity, podSeconds > 0 ? podSeconds : Infinity);
  into.minKbps = scan.numOr(node, fields.minbitrate, 0);
  const maxKbps = scan.numOr(node, fields.maxbitrate, 0);
  into.maxKbps = maxKbps > 0 ? maxKbps : Infinity;
  into.minCpmPerSecond = scan.numOr(node, fields.mincpmpersec, 0);
  into.progressive = allowsProgressive(scan, node, fields.delivery);
  into.podSeconds = Math.max(podSeconds, 0);
  into.maxAds = Math.min(MAX_POD_ADS, Math.max(1, scan.numOr(node, fields.maxseq, MAX_POD_ADS)));
  into.pod = scan.has(node, fields.podid) ? hashText(scan.text(node, fields.podid)) || 1 : NO_POD;
}

/** A dynamic pod is filled with at most so many ads. */
const MAX_POD_ADS = 10;

function allowsProgressive(scan: RequestScan, node: number, field: number): boolean {
  const first = scan.first(node, field);
  for (let i = first; i !== 0; i = scan.next(i)) if (scan.itemNum(i) === PROGRESSIVE) return true;
  return first === 0;
}

function readNumbers(scan: RequestScan, node: number, field: number, into: number[]): void {
  into.length = 0;
  for (let i = scan.first(node, field); i !== 0; i = scan.next(i)) into.push(scan.itemNum(i));
}

/** Versions of VAST we write, best first, with AdCOM's codes for inline and wrapper; DAAST is for audio alone. */
const vastVersions = [
  { version: '4.2', inline: 13, wrapper: 14 },
  { version: '4.1', inline: 11, wrapper: 12 },
  { version: '4.0', inline: 7, wrapper: 8 },
  { version: '3.0', inline: 3, wrapper: 6 },
  { version: '2.0', inline: 2, wrapper: 5 },
  { version: 'DAAST 1.0', inline: 9, wrapper: 10 },
] as const;
export type VastVersion = (typeof vastVersions)[number]['version'];

/** The best VAST version the player reads; null when it reads none of ours. A player that names none gets 4.2. */
export function vastVersionFor(offer: MediaOffer, wrapper: boolean): VastVersion | null {
  if (offer.protocols.length === 0) return '4.2';
  for (let i = 0; i < vastVersions.length; i++) {
    const entry = vastVersions[i]!;
    if (entry.version === 'DAAST 1.0' && !offer.audio) continue;
    if (offer.protocols.includes(wrapper ? entry.wrapper : entry.inline)) return entry.version;
  }
  return null;
}

/**
 * After how many seconds a viewer may skip an ad, -1 when never. A player that offers to skip (`skip: 1`) gets a
 * skippable ad; one that does not offer it never does; where nothing is said the creative decides. Another server's
 * tag decides by itself.
 */
export function skipAfter(offer: MediaOffer, creative: ReadyCreative): number {
  const asset = creative.source.video;
  if (asset === null || asset.vastTagUrl !== null || offer.skip === 0) return -1;
  const own = asset.skipAfterSeconds;
  const mustOffer = offer.skip === 1 && asset.durationSeconds > offer.skipMinSeconds;
  if (own === null && !mustOffer) return -1;
  if (offer.skip === 1 && !mustOffer) return -1;
  const seconds = Math.ceil(Math.max(own ?? 0, offer.skipAfterSeconds));
  return seconds < asset.durationSeconds ? seconds : -1;
}

/** Whether a video or audio creative may be played: duration, MIME type, bit rate, protocol, linearity. */
export function mediaFits(offer: MediaOffer, creative: ReadyCreative): boolean {
  const asset = creative.source.video ?? creative.source.audio;
  if (asset === null || !offer.linear) return false;
  if (!offer.progressive && asset.vastTagUrl === null) return false;
  const seconds = asset.durationSeconds;
  if (seconds < offer.minSeconds || seconds > offer.maxSeconds) return false;
  if (offer.requiredSeconds.length > 0 && !offer.requiredSeconds.includes(seconds)) return false;
  const wrapper = asset.vastTagUrl !== null;
  if (vastVersionFor(offer, wrapper) === null) return false;
  if (wrapper) return true;
  return asset.mediaFiles.some(
    (file) =>
      (offer.mimes.length === 0 || offer.mimes.includes(file.mime.toLowerCase())) &&
      file.bitrateKbps >= offer.minKbps &&
      file.bitrateKbps <= offer.maxKbps,
  );
}
