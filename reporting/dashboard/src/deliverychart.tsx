import { useMemo } from 'preact/hooks';
import type uPlot from 'uplot';
import { axis, Chart, type Colours } from './chart.tsx';
import { type PacingStatus, type Report, useData } from './data.ts';
import { clockTime, money, moneyOfUnits, share } from './format.ts';
import type { LiveCampaign } from './live.ts';

interface DeliveryChartProps {
  readonly campaignId: number;
  readonly timeZone: string;
  readonly currency: string;
  readonly live: LiveCampaign | undefined;
  readonly status: PacingStatus | null;
  readonly nowMs: number | null;
}

const DAY_MS = 86_400_000;

type Columns = [number[], (number | null)[], (number | null)[], (number | null)[]];

/** Spend of the day summed up, against the plan up to now and to the end, and where it is heading. */
export function DeliveryChart({ campaignId, timeZone, currency, live, status, nowMs }: DeliveryChartProps) {
  const query = `granularity=minute&metrics=spendNanos&timezone=${encodeURIComponent(timeZone)}&filter=campaign:${campaignId}`;
  const report = useData<Report>(`/reports?${query}`, 15_000);
  const data = useMemo(() => columns(report.data, live, status, nowMs), [report.data, live, status, nowMs]);
  const label =
    live === undefined
      ? 'Spend of the day'
      : `Spent ${money(live.today.spendNanos, currency)}, planned by now ${live.plannedNanos === null ? 'without a daily budget' : money(live.plannedNanos, currency)}`;
  return (
    <>
      <Chart
        data={data}
        height={240}
        label={label}
        options={(colour) => options(colour, currency, timeZone)}
        redrawOn={`${currency} ${timeZone}`}
      />
      {status !== null && <p class="note">{status.explanation}</p>}
      {status !== null && <p class="note">{heldText(status, currency)}</p>}
      {status !== null && status.overDeliveredNanos !== '0' && (
        <p class="note">{money(status.overDeliveredNanos, currency)} delivered above the budget, not billed.</p>
      )}
    </>
  );
}

/** How it bids now and what of its budget is out for bids. */
function heldText(status: PacingStatus, currency: string): string {
  const { multiplierPpm, passPpm, leaseNanos, reservedNanos, presumedNanos } = status;
  const presumed = presumedNanos === '0' ? '' : ` (${money(presumedNanos, currency)} of it probably spent)`;
  return (
    `Bids at ${share(multiplierPpm / 1e6)} of their value in ${share(passPpm / 1e6)} of auctions. ` +
    `${money(leaseNanos, currency)} lent to bidders, ${money(reservedNanos, currency)} reserved for open bids${presumed}.`
  );
}

function columns(
  report: Report | null,
  live: LiveCampaign | undefined,
  status: PacingStatus | null,
  nowMs: number | null,
): Columns {
  if (live === undefined || nowMs === null) return [[], [], [], []];
  const endMs = live.dayEndMs;
  const startMs = endMs - DAY_MS;
  const points = new Map<number, { spent?: number; plan?: number; forecast?: number }>();
  const at = (timeMs: number) => {
    const found = points.get(timeMs) ?? {};
    points.set(timeMs, found);
    return found;
  };
  let sum = 0n;
  at(startMs).spent = 0;
  for (const row of [...(report?.rows ?? [])].sort((a, b) => Number(a.timeMs) - Number(b.timeMs))) {
    at(Number(row.timeMs)).spent = units(sum);
    sum += BigInt(row.spendNanos ?? 0);
    const until = Number(row.timeMs) + 60_000;
    if (until < nowMs) at(until).spent = units(sum);
  }
  at(nowMs).spent = units(BigInt(live.today.spendNanos));
  if (live.dailyBudgetNanos !== null) {
    const budget = units(BigInt(live.dailyBudgetNanos));
    at(status?.fromMs ?? startMs).plan = 0;
    at(nowMs).plan = units(BigInt(live.plannedNanos ?? 0));
    at(endMs).plan = budget;
  }
  if (status !== null && live.status === 'active') {
    at(nowMs).forecast = units(BigInt(live.today.spendNanos));
    at(endMs).forecast = units(BigInt(status.forecastNanos));
  }
  at(endMs);
  const sorted = [...points].sort(([a], [b]) => a - b);
  return [
    sorted.map(([timeMs]) => timeMs / 1000),
    sorted.map(([, point]) => point.spent ?? null),
    sorted.map(([, point]) => point.plan ?? null),
    sorted.map(([, point]) => point.forecast ?? null),
  ];
}

function units(nanos: bigint): number {
  return Number(nanos) / 1e9;
}

function options(colour: Colours, currency: string, timeZone: string): Omit<uPlot.Options, 'width' | 'height'> {
  const base = axis(colour);
  const times = (_: uPlot, ticks: number[]): string[] => ticks.map((tick) => clockTime(tick * 1000, timeZone));
  const amounts = (_: uPlot, ticks: number[]): string[] => ticks.map((tick) => moneyOfUnits(tick, currency));
  const value = (_: uPlot, amount: number | null): string => (amount === null ? '–' : moneyOfUnits(amount, currency));
  const line = { points: { show: false }, spanGaps: true, value };
  return {
    legend: { show: false },
    cursor: { y: false },
    // Midnight's name stands half beyond the end of the day.
    padding: [null, 32, null, null],
    scales: { x: { time: true }, y: { range: (_u, _min, max) => [0, Math.max((max ?? 0) * 1.08, 0.01)] } },
    axes: [
      { ...base, size: 32, grid: { show: false }, values: times },
      { ...base, size: 70, values: amounts },
    ],
    series: [
      {},
      { ...line, label: 'Spent', stroke: colour('--accent'), fill: colour('--accent-soft'), width: 2 },
      { ...line, label: 'Plan', stroke: colour('--muted'), width: 1.5 },
      { ...line, label: 'Forecast', stroke: colour('--second'), width: 1.5, dash: [5, 5] },
    ],
  };
}
