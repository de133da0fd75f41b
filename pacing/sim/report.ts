import type { Score } from './arena.ts';

const COLOURS = ['#0b6e4f', '#7fb685', '#999999', '#c05746', '#e0a458', '#7d5ba6', '#3d7ea6', '#a23e48', '#4f5d75'];
const WIDTH = 860;
const HEIGHT = 320;
const PAD = 40;
const POINTS = 200;

/** A page that stands alone: curves of spend against traffic, and the table. No script, nothing fetched. */
export function htmlReport(
  title: string,
  traffic: Float64Array,
  budgetNanos: number,
  scores: readonly Score[],
): string {
  const curves = scores.map((score, at) => {
    const points = curve(score.byMinute, budgetNanos);
    return `<path d="${points}" fill="none" stroke="${COLOURS[at % COLOURS.length]}" stroke-width="${at === 0 ? 3 : 1.5}"/>`;
  });
  const hours = traffic.length / 60;
  const marks = [0, 1, 2, 3, 4].map((part) => {
    const x = PAD + ((WIDTH - PAD * 1.5) * part) / 4;
    return `<text x="${x.toFixed(0)}" y="${HEIGHT - PAD + 18}" font-size="12" text-anchor="middle">${((hours * part) / 4).toFixed(0)} h</text>`;
  });
  const total = traffic.reduce((sum, one) => sum + one, 0);
  const plan = `<path d="${curve(traffic, total)}" fill="none" stroke="#000" stroke-dasharray="4 4"/>`;
  const rows = scores.map((score, at) => {
    const cells = [
      percent(score.over),
      percent(score.utilisation),
      score.valueShare.toFixed(3),
      score.ks.toFixed(3),
      String(score.wins),
      String(score.clicks),
    ];
    const swatch = `<span style="color:${COLOURS[at % COLOURS.length]}">■</span>`;
    return `<tr><th scope="row">${swatch} ${escapeHtml(score.method)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  const head = ['Method', 'Over-delivered', 'Budget used', 'Value of hindsight', 'KS', 'Wins', 'Clicks'];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:900px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}th,td{padding:.3rem .8rem;text-align:right;border-bottom:1px solid #ddd}th:first-child{text-align:left}</style>
</head><body><h1>${escapeHtml(title)}</h1>
<p>Share of the budget spent over the day, by the time of the auction. Dashed: the traffic that came.</p>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="100%" role="img" aria-label="Spend curves of all methods">
<path d="M${PAD} ${PAD / 2}V${HEIGHT - PAD}H${WIDTH - PAD / 2}" fill="none" stroke="#000"/>
<text x="4" y="${PAD / 2 + 5}" font-size="12">100 %</text><text x="14" y="${HEIGHT - PAD}" font-size="12">0</text>
${marks.join('')}
${plan}
${curves.reverse().join('\n')}
</svg>
<table><thead><tr>${head.map((one) => `<th scope="col">${one}</th>`).join('')}</tr></thead><tbody>
${rows.join('\n')}
</tbody></table></body></html>
`;
}

function curve(byMinute: Float64Array, whole: number): string {
  const step = Math.max(1, Math.floor(byMinute.length / POINTS));
  let sum = 0;
  let path = '';
  byMinute.forEach((one, minute) => {
    sum += one;
    if (minute % step !== 0 && minute !== byMinute.length - 1) return;
    const x = PAD + ((WIDTH - PAD * 1.5) * minute) / byMinute.length;
    // Over-delivery may leave the picture by a little, not more.
    const y = HEIGHT - PAD - (HEIGHT - PAD * 1.5) * Math.min(1.04, sum / whole);
    path += `${path === '' ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return path;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
