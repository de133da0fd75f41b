import type { Line } from '../catalog/line.ts';
import type { ReadyCreative } from '../creative/compile.ts';

/** What one request has won so far: its own impressions are not counted anywhere yet. */
export interface Won {
  /** How many bids. */
  readonly size: number;
  /** @param pod the pod it was won in, a number of `podOf`; 0: in none */
  add(line: Line, creative: ReadyCreative, pod: number): void;
  clear(): void;
  ofLine(lineItemId: number): number;
  ofCampaign(campaignId: number): number;
  ofCreative(creativeId: number): number;
  /** Whether this advertiser, or one of this ad's domains, has won anything; in one pod when `pod` is not 0. */
  hasAdvertiser(line: Line, creative: ReadyCreative, pod: number): boolean;
  /** Whether the same creative has been won in a pod. */
  hasCreative(creativeId: number, pod: number): boolean;
  /** Whether an ad of one of its categories has been won in a pod. */
  hasCategory(creative: ReadyCreative, pod: number): boolean;
}

/** A handful of entries: searching a list is quickest. */
export function createWon(): Won {
  const lines: Line[] = [];
  const creatives: ReadyCreative[] = [];
  const pods: number[] = [];
  let size = 0;
  return {
    get size() {
      return size;
    },
    add(line, creative, pod) {
      lines[size] = line;
      creatives[size] = creative;
      pods[size++] = pod;
    },
    clear() {
      size = 0;
    },
    ofLine(id) {
      let found = 0;
      for (let i = 0; i < size; i++) if (lines[i]!.lineItemId === id) found++;
      return found;
    },
    ofCampaign(id) {
      let found = 0;
      for (let i = 0; i < size; i++) if (lines[i]!.campaignId === id) found++;
      return found;
    },
    ofCreative(id) {
      let found = 0;
      for (let i = 0; i < size; i++) if (creatives[i]!.id === id) found++;
      return found;
    },
    hasAdvertiser(line, creative, pod) {
      for (let i = 0; i < size; i++) {
        if (pod !== 0 && pods[i] !== pod) continue;
        if (lines[i]!.advertiserId === line.advertiserId) return true;
        if (overlap(creatives[i]!.adomain, creative.adomain)) return true;
      }
      return false;
    },
    hasCreative(id, pod) {
      for (let i = 0; i < size; i++) if (pods[i] === pod && creatives[i]!.id === id) return true;
      return false;
    },
    hasCategory(creative, pod) {
      for (let i = 0; i < size; i++) {
        if (pods[i] === pod && overlap(creatives[i]!.cat, creative.cat)) return true;
      }
      return false;
    },
  };
}

function overlap(some: readonly string[], others: readonly string[]): boolean {
  for (let i = 0; i < some.length; i++) if (others.includes(some[i]!)) return true;
  return false;
}
