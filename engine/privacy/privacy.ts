import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';

const REQ = shapes.REQUEST.f;
const REGS = shapes.REGS.f;
const REGS_EXT = shapes.REGS_EXT.f;
const DEVICE = shapes.DEVICE.f;

/** What we may do with the person behind a request. */
export interface Privacy {
  /** User ids and audience data may be read, stored and used. */
  readonly personal: boolean;
}

const allowed: Privacy = { personal: true };
const contextual: Privacy = { personal: false };

/** Contextual only where COPPA, `lmt`, `dnt` or GDPR applies: consent strings are not read yet, so none is assumed. */
export function privacyOf(scan: RequestScan): Privacy {
  const regs = scan.object(scan.root, REQ.regs);
  const ext = scan.object(regs, REGS.ext);
  const device = scan.object(scan.root, REQ.device);
  const gdpr = scan.numOr(regs, REGS.gdpr, scan.numOr(ext, REGS_EXT.gdpr, 0));
  const limited =
    scan.numOr(regs, REGS.coppa, 0) === 1 ||
    gdpr === 1 ||
    scan.numOr(device, DEVICE.lmt, 0) === 1 ||
    scan.numOr(device, DEVICE.dnt, 0) === 1;
  return limited ? contextual : allowed;
}
