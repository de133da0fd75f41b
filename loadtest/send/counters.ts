/** What one sender counted. Every planned request is in exactly one of `dropped`, `answered`, `faults` or in flight. */
export interface SendCounters {
  planned: number;
  /** Not started within `maxLateMs`, or not started because the queue was full. */
  dropped: number;
  sent: number;
  /** Sent more than `lateMs` after the intended start. */
  late: number;
  answered: number;
  /** Complete answers after `tmaxMs`, counted from the intended start. */
  overTmax: number;
  bids: number;
  noBids: number;
  /** Answers that are no valid answer to a bid request, by reason (`http_500`, `not_json`, …). */
  readonly invalid: Record<string, number>;
  /** Requests without an answer, by `HttpFault`. */
  readonly faults: Record<string, number>;
  /**
   * What the system said of the first fault of each kind ("self-signed certificate"), and the server in the first answer
   * of each invalid kind.
   */
  readonly firstSaid: Record<string, string>;
  readonly noBidReasons: Record<string, number>;
  bytesSent: number;
  bytesReceived: number;
}

export function newCounters(): SendCounters {
  return {
    planned: 0,
    dropped: 0,
    sent: 0,
    late: 0,
    answered: 0,
    overTmax: 0,
    bids: 0,
    noBids: 0,
    invalid: {},
    faults: {},
    firstSaid: {},
    noBidReasons: {},
    bytesSent: 0,
    bytesReceived: 0,
  };
}

/** Adds one to a count by name; names past the first hundred share `other`. */
export function countUp(counts: Record<string, number>, name: string, by = 1): void {
  const known = counts[name];
  if (known !== undefined) counts[name] = known + by;
  else if (Object.keys(counts).length < 100) counts[name] = by;
  else counts.other = (counts.other ?? 0) + by;
}

export function sumOf(counts: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const count of Object.values(counts)) sum += count;
  return sum;
}

/** Adds `from` to `to`. */
export function addCounters(to: SendCounters, from: SendCounters): void {
  for (const [name, value] of Object.entries(from)) {
    if (name === 'firstSaid') Object.assign(to.firstSaid, { ...from.firstSaid, ...to.firstSaid });
    else if (typeof value === 'number') (to as unknown as Record<string, number>)[name]! += value;
    else for (const [key, count] of Object.entries(value)) countUp(to[name as 'faults'], key, count as number);
  }
}

/** Requests were made, and not one of them got an answer that a bidder may give. */
export function hasNoValidAnswer({ planned, bids, noBids }: SendCounters): boolean {
  return planned > 0 && bids + noBids === 0;
}

/** Requests that failed: no answer, or one that is none. Time-outs are among them. */
export function errorsOf(counters: SendCounters): number {
  return sumOf(counters.faults) + sumOf(counters.invalid);
}
