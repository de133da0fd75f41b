import { useEffect, useMemo, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { clockTime, count, moneyOfUnits } from './format.ts';
import type { Counts } from './live.ts';

interface LiveChartProps {
  readonly minutes: readonly (Counts & { readonly timeMs: number })[];
  readonly nowMs: number;
  readonly currency: string;
}

const MINUTE_MS = 60_000;
const HEIGHT = 190;

/** Spend (area) and impressions (line) per minute of the last hour. */
export function LiveChart({ minutes, nowMs, currency }: LiveChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = useMemo(() => columns(minutes, nowMs), [minutes, nowMs]);

  useEffect(() => {
    const element = box.current!;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(options(element.clientWidth, currency), data, element);
    };
    draw();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', draw);
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resize.observe(element);
    return () => {
      dark.removeEventListener('change', draw);
      resize.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
    // Made once per currency; data follows below.
  }, [currency]);
  useEffect(() => plot.current?.setData(data), [data]);

  const last = minutes.at(-2) ?? minutes.at(-1);
  const label =
    last === undefined
      ? 'No impressions in the last hour'
      : `Spend and impressions per minute of the last hour. Latest full minute: ${moneyOfUnits(Number(last.spendNanos) / 1e9, currency)}, ${count(last.impressions)} impressions`;
  return <div class="chart" ref={box} role="img" aria-label={label} />;
}

function columns(minutes: LiveChartProps['minutes'], nowMs: number): [number[], number[], number[]] {
  const found = new Map(minutes.map((minute) => [minute.timeMs, minute]));
  const end = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const times = Array.from({ length: 60 }, (_, i) => end - (59 - i) * MINUTE_MS);
  return [
    times.map((timeMs) => timeMs / 1000),
    times.map((timeMs) => Number(found.get(timeMs)?.spendNanos ?? 0) / 1e9),
    times.map((timeMs) => found.get(timeMs)?.impressions ?? 0),
  ];
}

function options(width: number, currency: string): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui',
  };
  return {
    width,
    height: HEIGHT,
    legend: { live: true },
    cursor: { y: false, points: { size: 7 } },
    scales: { x: { time: true }, money: { range: fromZero }, count: { range: fromZero } },
    axes: [
      { ...axis, size: 32, grid: { show: false }, values: (_, ticks) => ticks.map((tick) => clockTime(tick * 1000)) },
      { ...axis, scale: 'money', size: 64, values: (_, ticks) => ticks.map((tick) => moneyOfUnits(tick, currency)) },
      { ...axis, scale: 'count', side: 1, size: 56, grid: { show: false }, values: (_, ticks) => ticks.map(count) },
    ],
    series: [
      { label: 'Time', value: (_, at) => (at === null ? '–' : clockTime(at * 1000)) },
      {
        label: 'Spend',
        scale: 'money',
        stroke: colour('--accent'),
        fill: colour('--accent-soft'),
        width: 2,
        points: { show: false },
        value: (_, units) => moneyOfUnits(units, currency),
      },
      {
        label: 'Impressions',
        scale: 'count',
        stroke: colour('--second'),
        width: 1.5,
        points: { show: false },
        value: (_, n) => (n === null ? '–' : count(n)),
      },
    ],
  };
}

function fromZero(_: uPlot, _min: number, max: number): uPlot.Range.MinMax {
  return [0, Math.max(max * 1.1, 0.000001)];
}
