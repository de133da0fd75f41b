import { useMemo } from 'preact/hooks';
import type uPlot from 'uplot';
import { axis, Chart, type Colours } from './chart.tsx';
import { clockTime, count, moneyOfUnits } from './format.ts';
import type { Counts } from './live.ts';

interface LiveChartProps {
  readonly minutes: readonly (Counts & { readonly timeMs: number })[];
  readonly nowMs: number;
  readonly currency: string;
}

const MINUTE_MS = 60_000;

/** Spend (area) and impressions (line) per minute of the last hour. */
export function LiveChart({ minutes, nowMs, currency }: LiveChartProps) {
  const data = useMemo(() => wholeMinutes(minutes, nowMs), [minutes, nowMs]);
  const [spent, impressions] = [data[1].at(-1)!, data[2].at(-1)!];
  const label =
    minutes.length === 0
      ? 'No impressions in the last hour'
      : `Spend and impressions per minute of the last hour. Latest full minute: ${moneyOfUnits(spent, currency)}, ${count(impressions)} impressions`;
  return (
    <Chart data={data} height={190} label={label} options={(colour) => options(colour, currency)} redrawOn={currency} />
  );
}

/**
 * What is drawn: the start in seconds, spend in units and impressions of each minute of the last hour. The minute that is
 * under way is left out: it would look like a drop. Only while there is no other, in the first minute of all, it is there.
 */
export function wholeMinutes(minutes: LiveChartProps['minutes'], nowMs: number): [number[], number[], number[]] {
  const found = new Map(minutes.map((minute) => [minute.timeMs, minute]));
  const end = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const last = minutes.length > 0 && minutes.every(({ timeMs }) => timeMs >= end) ? end : end - MINUTE_MS;
  const times = Array.from({ length: 60 }, (_, i) => last - (59 - i) * MINUTE_MS);
  return [
    times.map((timeMs) => timeMs / 1000),
    times.map((timeMs) => Number(found.get(timeMs)?.spendNanos ?? 0) / 1e9),
    times.map((timeMs) => found.get(timeMs)?.impressions ?? 0),
  ];
}

function options(colour: Colours, currency: string): Omit<uPlot.Options, 'width' | 'height'> {
  const base = axis(colour);
  const points = { show: false };
  const times = (_: uPlot, ticks: number[]): string[] => ticks.map((tick) => clockTime(tick * 1000));
  const amounts = (_: uPlot, ticks: number[]): string[] => ticks.map((tick) => moneyOfUnits(tick, currency));
  return {
    legend: { live: true },
    cursor: { y: false, points: { size: 7 } },
    scales: { x: { time: true }, money: { range: fromZero }, count: { range: fromZero } },
    axes: [
      { ...base, size: 32, grid: { show: false }, values: times },
      { ...base, scale: 'money', size: 64, values: amounts },
      { ...base, scale: 'count', side: 1, size: 56, grid: { show: false }, values: (_, ticks) => ticks.map(count) },
    ],
    series: [
      { label: 'Time', value: (_, at) => (at === null ? '–' : clockTime(at * 1000)) },
      {
        label: 'Spend',
        scale: 'money',
        stroke: colour('--accent'),
        fill: colour('--accent-soft'),
        width: 2,
        points,
        value: (_, units) => moneyOfUnits(units, currency),
      },
      {
        label: 'Impressions',
        scale: 'count',
        stroke: colour('--second'),
        width: 1.5,
        points,
        value: (_, n) => (n === null ? '–' : count(n)),
      },
    ],
  };
}

function fromZero(_: uPlot, _min: number, max: number): uPlot.Range.MinMax {
  return [0, Math.max(max * 1.1, 0.000001)];
}
