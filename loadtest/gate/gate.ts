import { CodedError } from '../../core/errors.ts';
import { errorsOf, sumOf } from '../send/counters.ts';
import type { Measured } from './measured.ts';

/** A condition on the result, as data: `p99<30ms`. */
export interface Gate {
  readonly metric: string;
  readonly operator: '<' | '<=' | '>' | '>=' | '=';
  /** In the metric's unit: ms, a share in [0, 1], a count, requests per second. */
  readonly limit: number;
  /** As it was written. */
  readonly text: string;
}

export interface GateResult {
  readonly gate: Gate;
  /** null when there were no samples: the gate fails then. */
  readonly value: number | null;
  readonly passed: boolean;
}

type Unit = 'ms' | 'share' | 'count' | 'rps';
interface Metric {
  readonly unit: Unit;
  readonly about: string;
  readonly read: (measured: Measured) => number | null;
}

const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
/** Requests that were sent and are over. */
const over = ({ counters }: Measured): number => counters.answered + sumOf(counters.faults);

/** What a gate can be put on. Percentiles (`p50`, `p99.9`, …) come on top. */
export const gateMetrics: Readonly<Record<string, Metric>> = {
  max: { unit: 'ms', about: 'longest latency', read: (m) => (m.latencies.count === 0 ? null : m.latencies.maxMs) },
  mean: { unit: 'ms', about: 'mean latency', read: (m) => (m.latencies.count === 0 ? null : m.latencies.meanMs) },
  errors: {
    unit: 'share',
    about: 'requests without a valid answer, time-outs included',
    read: (m) => share(errorsOf(m.counters), over(m)),
  },
  timeouts: {
    unit: 'share',
    about: 'requests given up after --timeout',
    read: (m) => share(m.counters.faults.timeout ?? 0, over(m)),
  },
  on_time: {
    unit: 'share',
    about: 'requests answered within tmax of their intended start; dropped ones count against it',
    read: (m) => share(m.counters.answered - m.counters.overTmax, over(m) + m.counters.dropped),
  },
  dropped: {
    unit: 'share',
    about: 'planned requests that could not be started in time',
    read: (m) => share(m.counters.dropped, m.counters.planned),
  },
  late: {
    unit: 'share',
    about: 'requests started more than 10 ms after their intended start',
    read: (m) => share(m.counters.late, m.counters.sent),
  },
  bid_rate: {
    unit: 'share',
    about: 'answers with a bid',
    read: (m) => share(m.counters.bids, m.counters.answered),
  },
  win_rate: { unit: 'share', about: 'bids that won', read: (m) => share(m.market.wins, m.market.bids) },
  rps: { unit: 'rps', about: 'answers per second', read: (m) => share(m.counters.answered, m.measuredMs / 1000) },
  lost_events: {
    unit: 'count',
    about: 'acknowledged events missing from, or too many in, the report; needs --audit',
    read: (m) => m.lostEvents,
  },
  unacknowledged: {
    unit: 'count',
    about: 'notices and beacons never acknowledged or refused',
    read: (m) => m.unacknowledged,
  },
};

const PATTERN =
  /^\s*([a-z_]+|p\d{1,2}(?:\.\d{1,4})?|p100)\s*(<=|>=|<|>|==?)\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s|%|rps|\/s)?\s*$/;

/** Reads a gate. @throws CodedError `loadtest_bad_gate` */
export function parseGate(text: string): Gate {
  const match = PATTERN.exec(text);
  const metric = match?.[1] ?? '';
  const unit = metricUnit(metric);
  if (match === null || unit === null) throw badGate(text, 'is not METRIC OPERATOR LIMIT with a known metric.');
  const suffix = match[4] ?? '';
  const operator = (match[2] === '==' ? '=' : match[2]) as Gate['operator'];
  const limit = inUnit(match[3]!, suffix, unit);
  if (limit === null) throw badGate(text, `needs ${unitHint[unit]}.`);
  return { metric, operator, limit, text: text.trim() };
}

const unitHint: Readonly<Record<Unit, string>> = {
  ms: 'a duration such as 30ms',
  share: 'a share such as 0.1% (or 0 to 1)',
  count: 'a plain number',
  rps: 'a rate such as 2000',
};

/** Shifts the decimal point in the text, so that 1.1% is exactly the number 0.011. */
function inUnit(number: string, suffix: string, unit: Unit): number | null {
  switch (unit) {
    case 'ms': {
      const shift = { us: -3, µs: -3, ms: 0, s: 3 }[suffix];
      return shift === undefined ? null : Number(`${number}e${shift}`);
    }
    case 'share':
      if (suffix === '%') return Number(`${number}e-2`);
      return suffix === '' && Number(number) <= 1 ? Number(number) : null;
    case 'rps':
      return suffix === '' || suffix === 'rps' || suffix === '/s' ? Number(number) : null;
    case 'count':
      return suffix === '' ? Number(number) : null;
  }
}

function metricUnit(metric: string): Unit | null {
  if (/^p\d/.test(metric)) return 'ms';
  return Object.hasOwn(gateMetrics, metric) ? gateMetrics[metric]!.unit : null;
}

function badGate(text: string, problem: string): CodedError {
  const known = ['p99', ...Object.keys(gateMetrics)].join(', ');
  return new CodedError(
    'loadtest_bad_gate',
    `The gate "${text}" ${problem}`,
    `Write it like p99<30ms or errors<0.1%. Metrics: ${known}.`,
  );
}

/** Checks gates. A gate without samples fails: nothing was shown. */
export function checkGates(gates: readonly Gate[], measured: Measured): readonly GateResult[] {
  return gates.map((gate) => {
    const value = valueOfGate(gate, measured);
    return { gate, value, passed: value !== null && compare(value, gate) };
  });
}

function valueOfGate(gate: Gate, measured: Measured): number | null {
  const metric = gateMetrics[gate.metric];
  if (metric !== undefined) return metric.read(measured);
  return measured.latencies.count === 0 ? null : measured.latencies.percentileMs(Number(gate.metric.slice(1)));
}

function compare(value: number, gate: Gate): boolean {
  switch (gate.operator) {
    case '<':
      return value < gate.limit;
    case '<=':
      return value <= gate.limit;
    case '>':
      return value > gate.limit;
    case '>=':
      return value >= gate.limit;
    case '=':
      return value === gate.limit;
  }
}

/** A gate's value for people. */
export function formatGateValue(gate: Gate, value: number | null): string {
  if (value === null) return 'no samples';
  const unit = metricUnit(gate.metric);
  if (unit === 'ms') return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
  if (unit === 'share') return `${Number((value * 100).toPrecision(4))} %`;
  return unit === 'rps' ? `${value.toFixed(0)}/s` : String(value);
}
