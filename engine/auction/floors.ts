import { MAX_EVENT_NANOS } from '../../core/money.ts';
import type { TermList } from '../match/termlist.ts';
import { Term } from '../match/vocabulary.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import { forms } from '../request/textcache.ts';
import { type Rates, rateOf } from './currency.ts';

const IMP = shapes.IMP.f;
const PMP = shapes.PMP.f;
const DEAL = shapes.DEAL.f;
const MAX_DEALS = 100;

/** One deal of a private marketplace that is open to our seat. */
export interface Deal {
  readonly id: string;
  /** Nanos of US dollars for one impression; infinite when its currency is not known. */
  readonly floorNanos: number;
  /** Advertiser domains allowed to bid on it; empty: all. */
  readonly domains: readonly string[];
  readonly minCpmPerSecond: number;
  /** 1 first price, 2 second price, 3 the floor is the price agreed; 0: as the request says. */
  readonly auctionType: number;
}

/** What a bid on an impression must offer at least. */
export interface Floors {
  /** Nanos of US dollars for one impression in the open auction; infinite when its currency is not known. */
  floorNanos: number;
  /** Only deals may bid. */
  privateOnly: boolean;
  readonly deals: Deal[];
}

export function createFloors(): Floors {
  return { floorNanos: 0, privateOnly: false, deals: [] };
}

/** No offer below this is accepted by the open auction or any of the deals. */
export function lowestFloor(floors: Floors): number {
  let lowest = floors.privateOnly ? Infinity : floors.floorNanos;
  for (let i = 0; i < floors.deals.length; i++) lowest = Math.min(lowest, floors.deals[i]!.floorNanos);
  return lowest;
}

/** Reads an impression's floor and its deals, and adds the deals' ids to the terms. */
export function readFloors(
  scan: RequestScan,
  imp: number,
  rates: Rates,
  seat: string,
  dealTerms: TermList,
  into: Floors,
): void {
  into.floorNanos = floorNanos(scan, imp, IMP.bidfloor, IMP.bidfloorcur, rates);
  // An array without its memory is a call of the runtime.
  if (into.deals.length > 0) into.deals.length = 0;
  dealTerms.clear();
  const pmp = scan.object(imp, IMP.pmp);
  into.privateOnly = scan.numOr(pmp, PMP.private_auction, 0) === 1;
  for (let item = scan.first(pmp, PMP.deals); item !== 0; item = scan.next(item)) {
    const node = scan.itemNode(item);
    const id = scan.text(node, DEAL.id).trim();
    if (id === '' || into.deals.length >= MAX_DEALS || !seatAllowed(scan, node, DEAL.wseat, seat)) continue;
    const domains: string[] = [];
    for (let d = scan.first(node, DEAL.wadomain); d !== 0; d = scan.next(d))
      domains.push(scan.itemText(d).toLowerCase());
    into.deals.push({
      id,
      floorNanos: floorNanos(scan, node, DEAL.bidfloor, DEAL.bidfloorcur, rates),
      domains,
      minCpmPerSecond: scan.numOr(node, DEAL.mincpmpersec, 0),
      auctionType: scan.numOr(node, DEAL.at, 0),
    });
    dealTerms.add(new Term(id));
  }
}

/** Whether a list of allowed seats is empty or has ours. */
export function seatAllowed(scan: RequestScan, node: number, field: number, seat: string): boolean {
  const first = scan.first(node, field);
  for (let item = first; item !== 0; item = scan.next(item)) if (scan.itemText(item) === seat) return true;
  return first === 0;
}

function floorNanos(scan: RequestScan, node: number, floor: number, currency: number, rates: Rates): number {
  const cpm = scan.numOr(node, floor, 0);
  if (!(cpm > 0)) return 0;
  const usd = cpm * rateOf(rates, scan.cached(node, currency, forms.asSent));
  if (Number.isNaN(usd)) return Infinity;
  // A floor is never rounded down, but 0.1 + 0.2 is not a reason to lose by one nano.
  return Math.min(MAX_EVENT_NANOS + 1, Math.ceil(usd * 1_000_000 - 1e-6));
}
