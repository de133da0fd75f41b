import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';

const REQ = shapes.REQUEST.f;
const SOURCE = shapes.SOURCE.f;
const SOURCE_EXT = shapes.SOURCE_EXT.f;
const SCHAIN = shapes.SCHAIN.f;
const NODE = shapes.SCHAIN_NODE.f;

/**
 * Whether a request names everybody who sold it on, back to the publisher: a supply chain that says it is complete and
 * whose every node has its two required fields (`asi`, `sid`). `source.ext.schain` is where OpenRTB 2.5 has it.
 */
export function isComplete(scan: RequestScan): boolean {
  const source = scan.object(scan.root, REQ.source);
  const own = scan.object(source, SOURCE.schain);
  const chain = own >= 0 ? own : scan.object(scan.object(source, SOURCE.ext), SOURCE_EXT.schain);
  if (scan.numOr(chain, SCHAIN.complete, 0) !== 1) return false;
  const first = scan.first(chain, SCHAIN.nodes);
  for (let item = first; item !== 0; item = scan.next(item)) {
    const node = scan.itemNode(item);
    if (scan.text(node, NODE.asi) === '' || scan.text(node, NODE.sid) === '') return false;
  }
  return first !== 0;
}
