/** What the main thread tells all bid threads at once. */
export type SharedStatus = Int32Array<SharedArrayBuffer>;

const READY = 0;
const DRAINING = 1;

export function createSharedStatus(): SharedStatus {
  return new Int32Array(new SharedArrayBuffer(16));
}
export function setReady(status: SharedStatus, ready: boolean): void {
  Atomics.store(status, READY, ready ? 1 : 0);
}
export function isReady(status: SharedStatus): boolean {
  return Atomics.load(status, READY) === 1 && !isDraining(status);
}
export function setDraining(status: SharedStatus): void {
  Atomics.store(status, DRAINING, 1);
}
export function isDraining(status: SharedStatus): boolean {
  return Atomics.load(status, DRAINING) === 1;
}
