/** How a demo advertiser's banners look. Colours are CSS. */
export interface AdTheme {
  readonly domain: string;
  readonly title: string;
  readonly line: string;
  readonly from: string;
  readonly to: string;
}

/** The sizes of web banners that exchanges ask for most (IAB fixed sizes). */
export const demoSizes = [
  { w: 300, h: 250 },
  { w: 320, h: 50 },
  { w: 728, h: 90 },
  { w: 160, h: 600 },
  { w: 300, h: 600 },
  { w: 970, h: 250 },
  { w: 320, h: 480 },
  { w: 336, h: 280 },
  { w: 300, h: 50 },
] as const;

/** A banner as self-contained markup: one SVG inside a link, nothing loaded from anywhere. */
export function adMarkup(theme: AdTheme, w: number, h: number): string {
  const wide = w / h > 2.5;
  // A letter of a bold sans-serif is about 0.62 of its size wide.
  const fits = (wide ? w * 0.5 : w * 0.84) / (theme.title.length * 0.62);
  const title = Math.round(Math.min(wide ? h * 0.34 : h * 0.2, fits));
  const line = Math.round(title * 0.6);
  const x = Math.round(wide ? Math.min(h * 0.4, w * 0.06) : w * 0.08);
  const y = Math.round(wide ? h * 0.46 : h * 0.42);
  const button = { w: Math.round(line * 6.2), h: Math.round(line * 2) };
  const place = wide
    ? { x: w - button.w - x, y: Math.round((h - button.h) / 2) }
    : { x, y: Math.round(y + line * 2.6) };
  const svg = [
    `<svg width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" role="img" aria-label="${theme.title}">`,
    `<defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="${theme.from}"/><stop offset="1" stop-color="${theme.to}"/></linearGradient></defs>`,
    `<rect width="${w}" height="${h}" fill="url(#g)"/>`,
    `<circle cx="${w}" cy="${h}" r="${Math.round(Math.min(w, h) * 0.7)}" fill="#fff" opacity=".1"/>`,
    `<g font-family="system-ui,sans-serif" fill="#fff"><text x="${x}" y="${y}" font-size="${title}" font-weight="700">${theme.title}</text>`,
    `<text x="${x}" y="${Math.round(y + line * 1.5)}" font-size="${line}" opacity=".9">${theme.line}</text>`,
    `<rect x="${place.x}" y="${place.y}" width="${button.w}" height="${button.h}" rx="${Math.round(line * 0.5)}" fill="#fff"/>`,
    `<text x="${place.x + button.w / 2}" y="${place.y + Math.round(line * 1.35)}" font-size="${line}" font-weight="600" text-anchor="middle" fill="${theme.from}">See more</text></g>`,
    '</svg>',
  ].join('');
  return `<a href="\${CLICK_URL}" target="_blank" rel="noopener" style="display:block;line-height:0">${svg}</a>`;
}
