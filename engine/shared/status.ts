/** What the main thread tells all bid threads at once. */
export type SharedStatus = Int32Array<SharedArrayBuffer>;

const READY = 0;
const DRAINING = 1;
const HELD = 2;

export function createSharedStatus(): SharedStatus {
  return new Int32Array(new SharedArrayBuffer(16));
}
export function setReady(status: SharedStatus, ready: boolean): void {
  Atomics.store(status, READY, ready ? 1 : 0);
}
/** Asked for every request, so read plainly: an atomic load costs 20 ns, and nothing else is ordered by it. */
export function isReady(status: SharedStatus): boolean {
  return status[READY] === 1 && status[HELD] === 0 && !isDraining(status);
}
/** No new bids for now, because their notices might not be kept; notices of bids already out are taken all the same. */
export function setHeld(status: SharedStatus, held: boolean): void {
  Atomics.store(status, HELD, held ? 1 : 0);
}
export function isHeld(status: SharedStatus): boolean {
  return Atomics.load(status, HELD) === 1;
}
export function setDraining(status: SharedStatus): void {
  Atomics.store(status, DRAINING, 1);
}
export function isDraining(status: SharedStatus): boolean {
  return status[DRAINING] === 1;
}
