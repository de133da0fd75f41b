export type CreativeKind = 'image' | 'html' | 'video' | 'audio' | 'native';

/** An ad as people type it. */
export interface CreativeText {
  readonly name: string;
  readonly kind: CreativeKind;
  readonly size: string;
  /** Address of the image, video or sound; HTML; native: address of the main image, '' for none. */
  readonly source: string;
  readonly landingUrl: string;
  /** Video and audio: a file of ours, or the VAST tag of another server, which then `source` is. */
  readonly from: 'file' | 'tag';
  readonly seconds: string;
  readonly mime: string;
  readonly skipAfter: string;
  /** Pixels of the video; of the main image of a native ad. */
  readonly w: number;
  readonly h: number;
  readonly bitrateKbps: number;
  /** Native. */
  readonly title: string;
  readonly description: string;
  readonly sponsoredBy: string;
  readonly callToAction: string;
}

export const newCreative: CreativeText = {
  name: '',
  kind: 'image',
  size: '300x250',
  source: '',
  landingUrl: '',
  from: 'file',
  seconds: '15',
  mime: 'video/mp4',
  skipAfter: '',
  w: 0,
  h: 0,
  bitrateKbps: 1000,
  title: '',
  description: '',
  sponsoredBy: '',
  callToAction: '',
};

/** Another kind of ad: what was typed for the one before does not fit it. */
export function ofKind(text: CreativeText, kind: CreativeKind): CreativeText {
  const mime = kind === 'audio' ? 'audio/mpeg' : 'video/mp4';
  const seconds = kind === 'audio' ? '30' : '15';
  return { ...text, kind, source: '', from: 'file', mime, seconds, w: 0, h: 0 };
}

export const bannerSizes = [
  '300x250',
  '320x50',
  '728x90',
  '160x600',
  '300x600',
  '970x250',
  '320x480',
  '336x280',
  '300x50',
];

/** The body of a creative. The advertiser's domain is that of the landing page. */
export function creativeBody(text: CreativeText): Record<string, unknown> {
  const host = URL.canParse(text.landingUrl) ? new URL(text.landingUrl).hostname : '';
  const { label, ...asset } = assetOf(text);
  return {
    name: text.name === '' ? label : text.name,
    ...asset,
    landingUrl: text.landingUrl,
    adomain: [host.replace(/^www\./, '')],
  };
}

/** What the ad shows, without what belongs to it; null while there is nothing to show. */
export function shownPart(text: CreativeText): object | null {
  const { label: _, ...asset } = assetOf(text);
  return text.source === '' && (text.kind !== 'native' || text.title === '') ? null : asset;
}

function assetOf(text: CreativeText): {
  readonly format: string;
  readonly label: string;
  readonly [asset: string]: unknown;
} {
  if (text.kind === 'video' || text.kind === 'audio') {
    const word = text.kind === 'video' ? 'Video' : 'Audio';
    return { format: text.kind, [text.kind]: linearOf(text), label: `${word} ${text.seconds} s` };
  }
  if (text.kind === 'native') {
    const { title, description, sponsoredBy, callToAction } = text;
    // Without an upload nobody knows its size: this is the usual one.
    const image = text.source === '' ? null : { url: text.source, w: text.w || 1200, h: text.h || 627 };
    return { format: 'native', native: { title, description, sponsoredBy, callToAction, image }, label: title };
  }
  const [w, h] = text.size.split('x').map(Number);
  const [imageUrl, html] = text.kind === 'image' ? [text.source, null] : [null, text.source];
  const asset = { w, h, imageUrl, html };
  return { format: 'banner', banner: asset, label: `Banner ${text.size.replace('x', '×')}` };
}

function linearOf(text: CreativeText): object {
  const skipAfterSeconds = text.skipAfter.trim() === '' ? null : Number(text.skipAfter);
  const common = { durationSeconds: Number(text.seconds), skipAfterSeconds };
  if (text.from === 'tag') return { ...common, mediaFiles: [], vastTagUrl: text.source };
  const { source, mime, bitrateKbps } = text;
  const size = text.kind === 'audio' ? { w: 0, h: 0 } : { w: text.w || 1280, h: text.h || 720 };
  return { ...common, vastTagUrl: null, mediaFiles: [{ url: source, mime, bitrateKbps, ...size }] };
}

/** What is likely wrong with an ad before it is sent; '' when nothing is. Exchanges refuse these, or show nothing. */
export function creativeWarning(text: CreativeText): string {
  if (text.kind === 'html' && text.source !== '' && !text.source.includes('${CLICK_URL}'))
    return 'Without ${CLICK_URL} clicks can not be counted.';
  if (text.kind === 'video' && Number(text.seconds) > 60) return 'Most exchanges take videos of at most 60 seconds.';
  if (text.kind === 'audio' && Number(text.seconds) > 60) return 'Most exchanges take spots of at most 60 seconds.';
  if (text.kind === 'video' && text.skipAfter.trim() !== '' && Number(text.skipAfter) >= Number(text.seconds))
    return 'It ends before it may be skipped.';
  if (text.kind === 'video' && text.bitrateKbps > 4000)
    return 'Over 4,000 kbit/s many phones stop to load it: use a smaller file.';
  if (text.kind !== 'html' && /^http:/.test(text.source)) return 'Secure pages show nothing that is not https.';
  return '';
}
