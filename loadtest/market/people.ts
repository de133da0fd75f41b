import type { AuctionContext } from './market.ts';

/** People whose last click is remembered; the oldest are forgotten. */
const MAX_PEOPLE = 100_000;

/** Who may click when: people click an ad now and then, however often a load test shows them one. */
export interface People {
  /**
   * Whether the person of an auction may click at a moment; if so, the click is taken as done.
   * @param clickMs monotonic ms
   */
  mayClick(person: Pick<AuctionContext, 'userId' | 'ip' | 'userAgent'>, clickMs: number): boolean;
}

/**
 * A bidder sees a person by id, or by address and browser, and of the address maybe the network alone (the last byte is left
 * out where there is no consent): within `pauseMs` there is one click of each of them.
 */
export function createPeople(pauseMs: number): People {
  const lastClicks = new Map<string, number>();
  const hasClicked = (who: string, clickMs: number): boolean =>
    Math.abs(clickMs - (lastClicks.get(who) ?? Number.NEGATIVE_INFINITY)) < pauseMs;
  const note = (who: string, clickMs: number): void => {
    lastClicks.delete(who);
    lastClicks.set(who, clickMs);
    if (lastClicks.size <= MAX_PEOPLE) return;
    const [oldest] = lastClicks.keys();
    lastClicks.delete(oldest!);
  };
  return {
    mayClick({ userId, ip, userAgent }, clickMs) {
      const network = `${ip.replace(/[.:][^.:]*$/, '')} ${userAgent}`;
      if (hasClicked(network, clickMs) || (userId !== '' && hasClicked(userId, clickMs))) return false;
      note(network, clickMs);
      if (userId !== '') note(userId, clickMs);
      return true;
    },
  };
}
