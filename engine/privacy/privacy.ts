import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import { forms } from '../request/textcache.ts';
import type { PrivacySignals } from './decision.ts';

const REQ = shapes.REQUEST.f;
const REGS = shapes.REGS.f;
const REGS_EXT = shapes.REGS_EXT.f;
const DEVICE = shapes.DEVICE.f;
const GEO = shapes.GEO.f;
const USER = shapes.USER.f;
const USER_EXT = shapes.USER_EXT.f;

/** Most ids of `gpp_sid` that are looked at. */
const MAX_SIDS = 32;
const noSids: readonly number[] = [];

/** Signals that are filled anew for every request. */
export type ReadSignals = { -readonly [Field in keyof PrivacySignals]: PrivacySignals[Field] };

export function createSignals(): ReadSignals {
  return {
    coppa: false,
    lmt: false,
    dnt: false,
    gdpr: -1,
    consent: '',
    usPrivacy: '',
    gpp: '',
    gppSids: noSids,
    country: '',
  };
}

/** Reads what a request says about privacy: where OpenRTB 2.6 puts it, or else in the `ext` places of 2.5. */
export function readSignals(scan: RequestScan, into: ReadSignals): void {
  const regs = scan.object(scan.root, REQ.regs);
  const ext = scan.object(regs, REGS.ext);
  const device = scan.object(scan.root, REQ.device);
  const user = scan.object(scan.root, REQ.user);
  into.coppa = scan.numOr(regs, REGS.coppa, 0) === 1;
  into.lmt = scan.numOr(device, DEVICE.lmt, 0) === 1;
  into.dnt = scan.numOr(device, DEVICE.dnt, 0) === 1;
  into.gdpr = scan.numOr(regs, REGS.gdpr, scan.numOr(ext, REGS_EXT.gdpr, -1));
  // Where GDPR is said not to apply the longest of all strings need not be read.
  into.consent = '';
  if (into.gdpr !== 0) {
    into.consent = scan.text(user, USER.consent) || scan.text(scan.object(user, USER.ext), USER_EXT.consent);
  }
  into.usPrivacy =
    scan.cached(regs, REGS.us_privacy, forms.asSent) || scan.cached(ext, REGS_EXT.us_privacy, forms.asSent);
  into.gpp = scan.text(regs, REGS.gpp) || scan.text(ext, REGS_EXT.gpp);
  into.gppSids = readSids(scan, regs, REGS.gpp_sid) ?? readSids(scan, ext, REGS_EXT.gpp_sid) ?? noSids;
  const deviceGeo = scan.object(device, DEVICE.geo);
  const geo = deviceGeo >= 0 ? deviceGeo : scan.object(user, USER.geo);
  into.country = scan.cached(geo, GEO.country, forms.upperCase).text;
}

function readSids(scan: RequestScan, node: number, field: number): number[] | null {
  let item = scan.first(node, field);
  if (item === 0) return null;
  const sids: number[] = [];
  for (; item !== 0 && sids.length < MAX_SIDS; item = scan.next(item)) sids.push(scan.itemNum(item));
  return sids;
}
