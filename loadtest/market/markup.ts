/** The URLs in an ad that a browser or player would call. */
export interface MarkupUrls {
  /** Called when the ad is shown. */
  readonly impressions: readonly string[];
  /** Called when it is clicked; '' when the ad has no link. */
  readonly click: string;
  /** Video and audio: who is told of a milestone, by the event's VAST name. */
  readonly playback: ReadonlyMap<string, readonly string[]>;
}

const NO_PLAYBACK: MarkupUrls['playback'] = new Map();
const NONE: MarkupUrls = { impressions: [], click: '', playback: NO_PLAYBACK };

/**
 * Finds impression and click URLs in banner HTML, VAST XML or native JSON, the way a renderer would meet them.
 * In HTML an image counts as an impression pixel when it is 1×1 or hidden, or its path says so; when none does, every
 * image the bidder itself serves counts.
 * @param isOurs whether a URL belongs to the bidder under test: no other is ever returned
 */
export function findUrls(adm: string, isOurs: (url: string) => boolean): MarkupUrls {
  const text = adm.trimStart();
  if (text.startsWith('{')) return fromNative(text, isOurs);
  if (/^(<\?xml[^>]*>\s*)?<VAST/i.test(text)) return fromVast(text, isOurs);
  return fromHtml(text, isOurs);
}

function fromHtml(html: string, isOurs: (url: string) => boolean): MarkupUrls {
  const images: { url: string; pixel: boolean }[] = [];
  for (const [tag] of html.matchAll(/<(?:img|iframe)\b[^>]*>/gi)) {
    const url = attribute(tag, 'src');
    if (url === '' || !isOurs(url)) continue;
    const tiny = /\b(width|height)\s*[=:]\s*["']?[01](px)?["'\s;>/]/i.test(tag) || /display\s*:\s*none/i.test(tag);
    images.push({ url, pixel: tiny || /\/(imp|impression|pixel|view|track)[/?.]/i.test(url) });
  }
  const pixels = images.filter((image) => image.pixel);
  let click = '';
  for (const [tag] of html.matchAll(/<(?:a|area)\b[^>]*>/gi)) {
    const url = attribute(tag, 'href');
    if (click === '' && url !== '' && isOurs(url)) click = url;
  }
  const impressions = unique((pixels.length > 0 ? pixels : images).map((image) => image.url));
  return { impressions, click, playback: NO_PLAYBACK };
}

function fromVast(xml: string, isOurs: (url: string) => boolean): MarkupUrls {
  const impressions = texts(xml, 'Impression').filter(isOurs);
  const clicks = [...texts(xml, 'ClickTracking'), ...texts(xml, 'ClickThrough')].filter(isOurs);
  const playback = new Map<string, string[]>();
  for (const [element, event] of xml.matchAll(/<Tracking\b[^>]*\bevent="([A-Za-z]+)"[^>]*>[\s\S]*?<\/Tracking>/g)) {
    const urls = texts(element, 'Tracking').filter(isOurs);
    if (urls.length > 0) playback.set(event!, unique([...(playback.get(event!) ?? []), ...urls]));
  }
  return { impressions: unique(impressions), click: clicks[0] ?? '', playback };
}

function fromNative(text: string, isOurs: (url: string) => boolean): MarkupUrls {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return NONE;
  }
  const outer = record(parsed);
  const native = 'native' in outer ? record(outer.native) : outer;
  const link = record(native.link);
  const trackers = list(native.eventtrackers)
    .map(record)
    .filter((tracker) => tracker.event === 1)
    .map((tracker) => tracker.url);
  const impressions = [...list(native.imptrackers), ...trackers].filter(isText).filter(isOurs);
  const clicks = [...list(link.clicktrackers), link.url].filter(isText).filter(isOurs);
  return { impressions: unique(impressions), click: clicks[0] ?? '', playback: NO_PLAYBACK };
}

const attributes = {
  src: /\ssrc\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/i,
  href: /\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/i,
};

function attribute(tag: string, name: keyof typeof attributes): string {
  const found = attributes[name].exec(tag);
  return decodeEntities((found?.[1] ?? found?.[2] ?? found?.[3] ?? '').trim());
}

function texts(xml: string, element: string): string[] {
  const found = xml.matchAll(new RegExp(`<${element}\\b[^>]*>([\\s\\S]*?)</${element}>`, 'gi'));
  return [...found].map((match) => {
    const inner = match[1]!.trim();
    const cdata = /^<!\[CDATA\[([\s\S]*)\]\]>$/.exec(inner);
    return cdata ? cdata[1]!.trim() : decodeEntities(inner);
  });
}

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text
    .replace(/&quot;|&#34;/g, '"')
    .replace(/&#39;|&apos;/g, "'")
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&');
}

const unique = (urls: readonly string[]): string[] => [...new Set(urls)];
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
