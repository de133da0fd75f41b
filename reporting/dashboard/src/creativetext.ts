export type CreativeKind = 'image' | 'html' | 'video' | 'native';

/** An ad as people type it. */
export interface CreativeText {
  name: string;
  kind: CreativeKind;
  size: string;
  /** Address of the image or video; HTML; native: address of the main image, '' for none. */
  source: string;
  landingUrl: string;
  /** Video. */
  seconds: string;
  mime: string;
  skipAfter: string;
  /** Native. */
  title: string;
  description: string;
  sponsoredBy: string;
  callToAction: string;
  imageSize: { readonly w: number; readonly h: number };
}

export const newCreative: CreativeText = {
  name: '',
  kind: 'image',
  size: '300x250',
  source: '',
  landingUrl: '',
  seconds: '15',
  mime: 'video/mp4',
  skipAfter: '',
  title: '',
  description: '',
  sponsoredBy: '',
  callToAction: '',
  imageSize: { w: 1200, h: 627 },
};

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
  const { format, asset, label } = assetOf(text);
  return {
    name: text.name === '' ? label : text.name,
    format,
    [format]: asset,
    landingUrl: text.landingUrl,
    adomain: [host.replace(/^www\./, '')],
  };
}

function assetOf(text: CreativeText): { format: string; asset: object; label: string } {
  const [w, h] = text.size.split('x').map(Number);
  if (text.kind === 'video') {
    const mediaFiles = [{ url: text.source, mime: text.mime, w: 1280, h: 720 }];
    const skipAfterSeconds = text.skipAfter.trim() === '' ? null : Number(text.skipAfter);
    const asset = { durationSeconds: Number(text.seconds), mediaFiles, skipAfterSeconds };
    return { format: 'video', asset, label: `Video ${text.seconds} s` };
  }
  if (text.kind === 'native') {
    const { title, description, sponsoredBy, callToAction, imageSize } = text;
    const image = text.source === '' ? null : { url: text.source, ...imageSize };
    return { format: 'native', asset: { title, description, sponsoredBy, callToAction, image }, label: title };
  }
  const asset = { w, h, ...(text.kind === 'image' ? { imageUrl: text.source } : { html: text.source }) };
  return { format: 'banner', asset, label: `Banner ${text.size.replace('x', '×')}` };
}

/** What is likely wrong with an ad before it is sent; '' when nothing is. Exchanges refuse these, or show nothing. */
export function creativeWarning(text: CreativeText): string {
  if (text.kind === 'html' && text.source !== '' && !text.source.includes('${CLICK_URL}'))
    return 'Without ${CLICK_URL} clicks can not be counted.';
  if (text.kind !== 'html' && /^http:/.test(text.source)) return 'Secure pages show nothing that is not https.';
  if (text.kind === 'video' && Number(text.seconds) > 60) return 'Most exchanges take videos of at most 60 seconds.';
  return '';
}
