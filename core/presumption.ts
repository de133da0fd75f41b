/** What bids of one path of budgets cost per nano reserved, as far as notices told: fades with the number of notices. */
export interface Response {
  notices: number;
  reservedNanos: number;
  billedNanos: number;
}

export function createResponse(): Response {
  return { notices: 0, reservedNanos: 0, billedNanos: 0 };
}

/**
 * What bids probably cost of which no notice ever came. Where wins and losses are both told, a notice that is lost says
 * nothing about its outcome: bids nobody told of cost on average what the others did. Where losses are not told, silence
 * means a loss, and nothing is presumed.
 */
export interface Presumption {
  /** The notice of a bid came: `billedNanos` is 0 for a loss. */
  heard(path: Response, exchange: string, reservedNanos: number, billedNanos: number): void;
  /** So many bids reached their time-out: of some a notice had come before, of the others not. */
  fellDue(told: number, silent: number): void;
  /** No notice came in time: after `fellDue`, for each such bid. @returns what is presumed spent, nanos, at most what was reserved */
  silent(path: Response, reservedNanos: number): number;
  /** It came after all. */
  heardLate(): void;
  /** Share of bids on which no notice comes, 0 to 1. */
  silentShare(): number;
}

/** Notices from which anything is presumed at all, and by which a path is believed as much as all paths together. */
const ENOUGH = 20;
const PRIOR_NOTICES = 10;
/** Older notices fade: their sums are halved at so many. */
const MEMORY_PATH = 2000;
const MEMORY_ALL = 20_000;
/** Up to this share of silence it is taken for lost notices; from the second on for losses that are not told. */
const LOST_SHARE = 0.2;
const UNTOLD_SHARE = 0.4;
/** An exchange with so many notices and fewer losses among them does not tell of losses. */
const JUDGED_NOTICES = 50;
const LEAST_LOSSES = 0.02;
const MAX_EXCHANGES = 256;

/** @see Presumption */
export function createPresumption(): Presumption {
  const all = createResponse();
  const exchanges = new Map<string, { notices: number; losses: number }>();
  let toldCount = 0;
  let silentCount = 0;

  function note(response: Response, reservedNanos: number, billedNanos: number, memory: number): void {
    if (response.notices >= memory) {
      response.notices /= 2;
      response.reservedNanos /= 2;
      response.billedNanos /= 2;
    }
    response.notices++;
    response.reservedNanos += reservedNanos;
    response.billedNanos += billedNanos;
  }

  function count(told: number, silent: number): void {
    if (toldCount + silentCount >= MEMORY_ALL) {
      toldCount /= 2;
      silentCount /= 2;
    }
    toldCount += told;
    silentCount = Math.max(0, silentCount + silent);
  }

  function silentShare(): number {
    return silentCount / Math.max(1, toldCount + silentCount);
  }

  function tellsLosses(): boolean {
    for (const { notices, losses } of exchanges.values())
      if (notices >= JUDGED_NOTICES && losses < LEAST_LOSSES * notices) return false;
    return true;
  }

  return {
    heard(path, exchange, reservedNanos, billedNanos) {
      note(path, reservedNanos, billedNanos, MEMORY_PATH);
      note(all, reservedNanos, billedNanos, MEMORY_ALL);
      let known = exchanges.get(exchange);
      if (known === undefined) {
        if (exchanges.size >= MAX_EXCHANGES) return;
        known = { notices: 0, losses: 0 };
        exchanges.set(exchange, known);
      }
      known.notices++;
      if (billedNanos === 0) known.losses++;
    },
    silent(path, reservedNanos) {
      if (all.notices < ENOUGH || !tellsLosses()) return 0;
      const trust = Math.min(1, (UNTOLD_SHARE - silentShare()) / (UNTOLD_SHARE - LOST_SHARE));
      if (trust <= 0 || all.reservedNanos <= 0) return 0;
      const prior = (PRIOR_NOTICES * all.reservedNanos) / all.notices;
      const cost = (path.billedNanos + prior * (all.billedNanos / all.reservedNanos)) / (path.reservedNanos + prior);
      return Math.floor(Math.min(1, trust * cost) * reservedNanos);
    },
    fellDue: count,
    heardLate: () => count(1, -1),
    silentShare,
  };
}
