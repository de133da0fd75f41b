import { MAX_EVENT_NANOS } from '../../core/money.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';

const IMP = shapes.IMP.f;
const REQ = shapes.REQUEST.f;
const OUR_CURRENCY = 'USD';

/** The least a bid must offer, nanos of our currency. */
export interface Floors {
  floorNanos: number;
}

export function createFloors(): Floors {
  return { floorNanos: 0 };
}

/** Reads an impression's floor. @returns false when no currency both sides know is accepted */
export function readFloors(scan: RequestScan, imp: number, into: Floors): boolean {
  let accepted = scan.count(scan.root, REQ.cur) === 0;
  for (let item = scan.first(scan.root, REQ.cur); item !== 0; item = scan.next(item)) {
    if (scan.itemText(item).toUpperCase() === OUR_CURRENCY) accepted = true;
  }
  const floorCurrency = scan.text(imp, IMP.bidfloorcur).toUpperCase();
  const floorCpm = scan.numOr(imp, IMP.bidfloor, 0);
  into.floorNanos = Math.min(MAX_EVENT_NANOS + 1, Math.ceil(Math.max(0, floorCpm) * 1_000_000 - 1e-6));
  const readable = floorCpm <= 0 || floorCurrency === '' || floorCurrency === OUR_CURRENCY;
  return accepted && readable;
}
