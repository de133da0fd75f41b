import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../core/clock.ts';
import { runBidBench } from '../../engine/bench/bid.ts';
import { bidTable } from '../../engine/bench/bidtable.ts';
import type { Contestant } from '../../engine/bench/contestants.ts';
import { createInventory } from '../../engine/bench/inventory.ts';

const PEER_LINE_ITEMS = 10_000;
/** Not part of the image, as its package is not. */
const PEER = new URL('../../loadtest/peers/fastifyserver.js', import.meta.url);

/** `bench bid [--quick] [--json]`. @returns whether every required bar was held */
export async function bidBench(quick: boolean, json: boolean, onProgress: (text: string) => void): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'));
  try {
    const peers = quick || !existsSync(fileURLToPath(PEER)) ? [] : [fastifyPeer(dir)];
    const result = await runBidBench({ quick, clock: systemClock, onProgress, peers });
    console.log(json ? JSON.stringify(result, null, 2) : bidTable(result));
    return result.ok;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A bidder as one writes it first, over the campaigns of our own: they are handed to it as a file in `dir`. */
function fastifyPeer(dir: string): Contestant {
  const path = join(dir, 'campaigns.json');
  writeFileSync(path, JSON.stringify(createInventory({ seed: 1, lineItems: PEER_LINE_ITEMS }).changes));
  return {
    name: `fastify-${PEER_LINE_ITEMS}`,
    says: 'Fastify + JSON.parse, a look at every line item, the same campaigns and winners',
    script: PEER,
    args: [path],
  };
}
