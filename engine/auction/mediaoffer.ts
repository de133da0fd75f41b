import type { ReadyCreative } from '../creative/compile.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';

const VIDEO = shapes.VIDEO.f;
const AUDIO = shapes.AUDIO.f;
const LINEAR = 1;

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
>;

/** Reads a video object. */
export function readVideo(scan: RequestScan, node: number, into: MediaOffer): MediaOffer {
  readCommon(scan, node, VIDEO, into);
  const single = scan.numOr(node, VIDEO.protocol, 0);
  if (single > 0 && into.protocols.length === 0) into.protocols.push(single);
  into.w = scan.numOr(node, VIDEO.w, 0);
  into.h = scan.numOr(node, VIDEO.h, 0);
  into.linear = scan.numOr(node, VIDEO.linearity, LINEAR) === LINEAR;
  return into;
}

/** Reads an audio object. */
export function readAudio(scan: RequestScan, node: number, into: MediaOffer): MediaOffer {
  readCommon(scan, node, AUDIO, into);
  into.w = 0;
  into.h = 0;
  into.linear = true;
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
}

function readNumbers(scan: RequestScan, node: number, field: number, into: number[]): void {
  into.length = 0;
  for (let i = scan.first(node, field); i !== 0; i = scan.next(i)) into.push(scan.itemNum(i));
}

/** Versions of VAST we write, best first, with AdCOM's codes for inline and wrapper. */
const vastVersions = [
  { version: '4.2', inline: 13, wrapper: 14 },
  { version: '4.1', inline: 11, wrapper: 12 },
  { version: '4.0', inline: 7, wrapper: 8 },
  { version: '3.0', inline: 3, wrapper: 6 },
  { version: '2.0', inline: 2, wrapper: 5 },
] as const;
export type VastVersion = (typeof vastVersions)[number]['version'];

/** The best VAST version the player reads; null when it reads none of ours. A player that names none gets 4.2. */
export function vastVersionFor(offer: MediaOffer, wrapper: boolean): VastVersion | null {
  if (offer.protocols.length === 0) return '4.2';
  const kind = wrapper ? 'wrapper' : 'inline';
  return vastVersions.find((entry) => offer.protocols.includes(entry[kind]))?.version ?? null;
}

/** Whether a video or audio creative may be played: duration, MIME type, bit rate, protocol, linearity. */
export function mediaFits(offer: MediaOffer, creative: ReadyCreative): boolean {
  const asset = creative.source.video ?? creative.source.audio;
  if (asset === null || !offer.linear) return false;
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
