import type { Creative } from '../../core/campaign.ts';
import type { Links } from './links.ts';
import { withoutPlaces } from './template.ts';

/** Banner markup: our image with a click link, or the advertiser's HTML, and the impression beacon. */
export function bannerMarkup(creative: Creative, links: Links): string {
  const banner = creative.banner!;
  const beacon = `<img src="${html(links.impression)}" width="1" height="1" alt="" style="position:absolute;visibility:hidden">`;
  if (banner.html !== null) return withoutPlaces(banner.html).replaceAll('${CLICK_URL}', () => links.click) + beacon;
  const image = html(withoutPlaces(banner.imageUrl ?? ''));
  const size = `width="${banner.w}" height="${banner.h}"`;
  return (
    `<a href="${html(links.click)}" target="_blank" rel="noopener">` +
    `<img src="${image}" ${size} alt="" style="border:0"></a>${beacon}`
  );
}

/** Escapes text for an HTML attribute in double quotes. Macros (`${…}`) keep their form. */
export function html(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
