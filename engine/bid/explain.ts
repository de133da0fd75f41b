import { type NoBidReason, noBidReasons } from '../../core/reasons.ts';
import { createCircumstances, readCircumstances, readImpressionCircumstances } from '../auction/circumstances.ts';
import type { Rates } from '../auction/currency.ts';
import type { BudgetGate } from '../auction/gate.ts';
import { hashText, hashWith, rankInAuction } from '../auction/hash.ts';
import type { Insight } from '../auction/insight.ts';
import { judge } from '../auction/judge.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Line } from '../catalog/line.ts';
import type { ExchangeProfile } from '../config.ts';
import { indexDimensions, refusingDimension } from '../match/terms.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';

const REQ = shapes.REQUEST.f;
const IMP = shapes.IMP.f;
const MAX_LINES = 5_000;
/** An explanation names what would have matched too. */
const everything = { uses: () => true };

interface Verdict {
  readonly lineItemId: number;
  readonly campaignId: number;
  readonly reason: NoBidReason | 'bid';
  readonly stage: string;
  readonly says: string;
  /** CPM in micros of the account's currency, when it came to a price. */
  readonly priceCpmMicros?: number;
}

/** What an operator is told of a request: for each impression and line item why it did not bid. Takes no credit. */
export function explain(
  scan: RequestScan,
  profile: ExchangeProfile,
  nowMs: number,
  context: { readonly catalog: Catalog; readonly gate: BudgetGate; readonly rates: Rates; readonly insight: Insight },
): unknown {
  const { catalog } = context;
  const about = createCircumstances(context.rates, context.insight, everything);
  if (catalog.isStopped(profile.name)) return { id: scan.text(scan.root, REQ.id), reason: 'killed', imps: [] };
  const refusal = readCircumstances(scan, profile, nowMs, about);
  const { known, decision } = about.person;
  const privacy = { ...decision, userKnown: known };
  if (refusal !== null) return { id: scan.text(scan.root, REQ.id), reason: refusal, privacy, imps: [] };
  const auctionHash = hashText(scan.text(scan.root, REQ.id));
  const imps: unknown[] = [];
  for (let item = scan.first(scan.root, REQ.imp); item !== 0; item = scan.next(item)) {
    about.seed = hashWith(auctionHash, imps.length + 1);
    const node = scan.itemNode(item);
    const id = scan.text(node, IMP.id);
    if (!readImpressionCircumstances(scan, node, imps.length + 1, about)) {
      imps.push({ id, reason: 'unsupported_format', lineItems: [] });
      continue;
    }
    const verdicts = catalog.lines().slice(0, MAX_LINES).map(verdictOn);
    imps.push({ id, lineItems: ranked(verdicts) });
  }
  return { id: scan.text(scan.root, REQ.id), privacy, imps };

  function verdictOn(line: Line): Verdict & { readonly rank: number } {
    const base = { lineItemId: line.lineItemId, campaignId: line.campaignId, rank: 0 };
    const dimension = refusingDimension(line.terms, about.audience.terms);
    if (dimension !== null) {
      const name = indexDimensions[dimension]!;
      if (name === 'fill') return { ...base, ...because('creative_size') };
      return {
        ...base,
        ...because(name === 'deal' ? 'deal' : 'targeting'),
        says: `Targeting by ${name} does not match.`,
      };
    }
    const verdict = { price: 0, usdPrice: 0, usdFloor: 0, creative: null, deal: null };
    const reason = judge(catalog, line.slot, about, context.gate, verdict);
    if (reason !== null) return { ...base, ...because(reason), priceCpmMicros: verdict.price };
    return {
      ...base,
      reason: 'bid',
      stage: 'auction',
      says: 'Bids the most, or nearly as much and was drawn.',
      priceCpmMicros: verdict.price,
      rank: rankInAuction(verdict.usdPrice, about.seed, line.lineItemId),
    };
  }
}

function because(reason: NoBidReason) {
  const { stage, says } = noBidReasons[reason];
  return { reason, stage, says };
}

/** Only the best keeps `bid`. */
function ranked(verdicts: readonly (Verdict & { readonly rank: number })[]): Verdict[] {
  const best = verdicts.reduce((most, { rank }) => Math.max(most, rank), 0);
  return verdicts.map(({ rank, ...verdict }) =>
    verdict.reason === 'bid' && rank < best ? { ...verdict, ...because('lost_internal') } : verdict,
  );
}
