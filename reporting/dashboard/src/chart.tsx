import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

/** Colours of the page as it is now, by the name of their CSS variable. */
export type Colours = (name: string) => string;

interface ChartProps {
  readonly data: uPlot.AlignedData;
  readonly height: number;
  /** What the picture says, for those who do not see it. */
  readonly label: string;
  /** Series, scales and axes; made again when `key` or the colour scheme changes. */
  readonly options: (colour: Colours) => Omit<uPlot.Options, 'width' | 'height'>;
  readonly redrawOn: string;
}

/** A line chart that follows its data, the width of its box and the colour scheme. */
export function Chart({ data, height, label, options, redrawOn }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(data);
  latest.current = data;
  const tellLatest = (made: uPlot): void => {
    const idx = made.data[0].length - 1;
    if (made.legend.live && made.cursor.idx == null && idx >= 0) made.setLegend({ idx });
  };
  // The options change with `redrawOn` alone; data follows below
  useEffect(() => {
    const element = box.current!;
    const draw = (): void => {
      plot.current?.destroy();
      const style = getComputedStyle(document.documentElement);
      const made = options((name) => style.getPropertyValue(name).trim());
      const hooks = { ready: [tellLatest], setCursor: [tellLatest], setData: [tellLatest] };
      plot.current = new uPlot({ ...made, hooks, width: element.clientWidth, height }, latest.current, element);
    };
    draw();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', draw);
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    resize.observe(element);
    return () => {
      dark.removeEventListener('change', draw);
      resize.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [redrawOn]);
  useEffect(() => plot.current?.setData(data), [data]);
  return <div class="chart" ref={box} role="img" aria-label={label} />;
}

/** What all axes share. */
export function axis(colour: Colours): uPlot.Axis {
  return {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui',
  };
}
