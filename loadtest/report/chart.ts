/** A line of a chart; null values leave a gap. */
export interface ChartLine {
  readonly name: string;
  /** Class of the stroke: c1 … c5 of the page's style. */
  readonly color: string;
  readonly points: readonly (readonly [x: number, y: number | null])[];
  /** Drawn as steps to the axis, for counts. */
  readonly filled?: boolean;
}

export interface ChartOptions {
  readonly title: string;
  readonly yUnit: string;
  /** Labels of the x axis: position and text. */
  readonly xTicks: readonly (readonly [x: number, label: string])[];
  readonly logY?: boolean;
  /** A horizontal line, such as a gate's limit. */
  readonly limit?: { readonly y: number; readonly label: string };
}

const WIDTH = 920;
const HEIGHT = 260;
const PAD = { left: 64, right: 30, top: 12, bottom: 28 };

/** A chart as SVG text, with a legend; hovering a line says its name. */
export function lineChart(options: ChartOptions, lines: readonly ChartLine[]): string {
  const all = lines.flatMap((line) => line.points);
  const ys = all.map(([, y]) => y).filter((y) => y !== null);
  if (options.limit !== undefined) ys.push(options.limit.y);
  if (ys.length === 0) return '';
  const xs = all.map(([x]) => x);
  const [minX, maxX] = [Math.min(...xs), Math.max(...xs)];
  const scale = options.logY === true ? logScale(ys) : linearScale(ys);
  const px = (x: number): number =>
    PAD.left + ((x - minX) / Math.max(1e-9, maxX - minX)) * (WIDTH - PAD.left - PAD.right);
  const py = (y: number): number => HEIGHT - PAD.bottom - scale.at(y) * (HEIGHT - PAD.top - PAD.bottom);
  const parts = [
    ...scale.ticks.map(
      (y) =>
        `<line class="grid" x1="${PAD.left}" x2="${WIDTH - PAD.right}" y1="${fix(py(y))}" y2="${fix(py(y))}"/>` +
        `<text x="${PAD.left - 8}" y="${fix(py(y) + 4)}" text-anchor="end">${shorten(y)}</text>`,
    ),
    ...options.xTicks.map(
      ([x, label]) => `<text x="${fix(px(x))}" y="${HEIGHT - 8}" text-anchor="middle">${escapeHtml(label)}</text>`,
    ),
    ...lines.map((line) => drawLine(line, px, py, py(scale.bottom))),
    options.limit === undefined ? '' : drawLimit(options.limit, py(options.limit.y)),
  ];
  const legend = lines.map((line) => `<span><i class="${line.color}"></i>${escapeHtml(line.name)}</span>`).join('');
  return `<figure><figcaption>${escapeHtml(options.title)} <small>${escapeHtml(options.yUnit)}</small><span class="legend">${legend}</span></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(options.title)}">${parts.join('')}</svg></figure>`;
}

function drawLine(line: ChartLine, px: (x: number) => number, py: (y: number) => number, bottom: number): string {
  let path = '';
  let open = false;
  for (const [x, y] of line.points) {
    if (y === null) {
      open = false;
      continue;
    }
    path += `${open ? 'L' : 'M'}${fix(px(x))} ${fix(py(y))}`;
    open = true;
  }
  const title = `<title>${escapeHtml(line.name)}</title>`;
  if (line.filled !== true) return `<path class="line ${line.color}" d="${path}">${title}</path>`;
  const [first, last] = [line.points[0], line.points.at(-1)];
  if (first === undefined || last === undefined) return '';
  const area = `${path}L${fix(px(last[0]))} ${fix(bottom)}L${fix(px(first[0]))} ${fix(bottom)}Z`;
  return `<path class="area ${line.color}" d="${area}">${title}</path><path class="line ${line.color}" d="${path}"/>`;
}

function drawLimit({ label }: { readonly label: string }, y: number): string {
  return (
    `<line class="limit" x1="${PAD.left}" x2="${WIDTH - PAD.right}" y1="${fix(y)}" y2="${fix(y)}"/>` +
    `<text class="limit" x="${WIDTH - PAD.right - 4}" y="${fix(y - 5)}" text-anchor="end">${escapeHtml(label)}</text>`
  );
}

interface Scale {
  readonly ticks: readonly number[];
  readonly bottom: number;
  /** 0 at the bottom, 1 at the top. */
  at(y: number): number;
}

function linearScale(ys: readonly number[]): Scale {
  const top = Math.max(...ys, 1e-9);
  const step = niceStep(top / 4);
  const count = Math.ceil(top / step);
  return {
    bottom: 0,
    ticks: Array.from({ length: count + 1 }, (_, i) => i * step),
    at: (y) => y / (count * step),
  };
}

function logScale(ys: readonly number[]): Scale {
  const positive = ys.filter((y) => y > 0);
  const low = Math.floor(Math.log10(Math.min(...positive, 1)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive, 1e-3))));
  return {
    bottom: 10 ** low,
    ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
    at: (y) => (Math.log10(Math.max(y, 10 ** low)) - low) / (high - low),
  };
}

function niceStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw)!;
}

function shorten(value: number): string {
  if (value >= 1_000_000) return `${Number((value / 1_000_000).toPrecision(3))}M`;
  if (value >= 10_000) return `${Number((value / 1000).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

const fix = (n: number): string => n.toFixed(1);

export function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
