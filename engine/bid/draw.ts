import { type NoBidReason, noBidReasons } from '../../core/reasons.ts';
import type { Decision } from '../auction/auction.ts';
import { createCircumstances, readImpressionCircumstances } from '../auction/circumstances.ts';
import type { Rates } from '../auction/currency.ts';
import type { Insight } from '../auction/insight.ts';
import type { ExchangeProfile } from '../config.ts';
import { TermList } from '../match/termlist.ts';
import { readAudience } from '../request/audience.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import type { Counters } from '../stats/counters.ts';
import { drawnImpression, drawnRequest, MAX_DRAWN_IMPRESSIONS } from '../stats/traffic.ts';

const REQ = shapes.REQUEST.f;
const everything = { uses: () => true } as const;

export interface DrawDeps {
  readonly counters: Counters;
  readonly rates: Rates;
  readonly insight: Insight;
  readonly onDefect: (error: unknown) => void;
}

/**
 * Records what the traffic is like, of the few requests that are drawn: the auction reads only what targeting asks for.
 * @param decision of the request that is the present one of the scan, which has been answered; never throws
 */
export function createDraw(
  deps: DrawDeps,
  scan: RequestScan,
  decision: Decision,
): (profile: ExchangeProfile, reason: NoBidReason | null) => void {
  const { counters } = deps;
  const drawn = createCircumstances(deps.rates, deps.insight, everything);
  const members = new TermList();

  /** After the answer, because reading impressions anew overwrites what the auction has read of them. */
  function draw(profile: ExchangeProfile, reason: NoBidReason | null): void {
    const { person } = decision;
    const known = person.stored;
    const hash = known ? person.user[1]! : scan.hashOf(scan.root, REQ.id);
    // First of all, because so few are drawn; of who was refused before, the person is that of another request.
    if (!counters.traffic.draws(hash)) return;
    if (reason === 'seat_blocked' || (reason !== null && noBidReasons[reason].stage === 'request')) return;
    if (!person.decision.mayBid) return;
    const { terms } = drawn.audience;
    drawn.profile = profile;
    readAudience(scan, profile.name, person.decision.mayPersonalise, everything, drawn.audience);
    members.clear();
    if (known) deps.insight.people.addAudiences(person, members);
    const request = drawnRequest(hash, known, terms, members);
    const { impressions } = request;
    let read = 0;
    for (
      let item = scan.first(scan.root, REQ.imp);
      item !== 0 && read < MAX_DRAWN_IMPRESSIONS;
      item = scan.next(item)
    ) {
      read++;
      if (readImpressionCircumstances(scan, scan.itemNode(item), read, drawn)) impressions.push(drawnImpression(terms));
    }
    counters.traffic.add(request);
  }

  return (profile, reason) => {
    try {
      draw(profile, reason);
    } catch (error) {
      // The request is answered: a defect here is told, but is no error of the request.
      counters.drawFailed();
      deps.onDefect(error);
    }
  };
}
