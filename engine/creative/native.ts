import type { Creative } from '../../core/campaign.ts';
import { answerAsset, type NativeOffer } from '../auction/nativeoffer.ts';
import type { Links } from './links.ts';
import { PLACE, withoutPlaces } from './template.ts';

const IMPRESSION_EVENT = 1;
const IMAGE_METHOD = 1;

/** Which forms of the answer a placement needs. */
export function nativeVariant(offer: NativeOffer): string {
  return `${offer.wrapped ? 'wrapped' : 'bare'}:${offer.eventTrackers ? 'trackers' : 'legacy'}`;
}

/** A native 1.2 answer as JSON, with the place for its assets: they depend on the request. */
export function nativeMarkup(links: Links, variant: string): string {
  const [form, tracking] = variant.split(':');
  const native = {
    ver: '1.2',
    link: { url: links.click },
    ...(tracking === 'trackers'
      ? { eventtrackers: [{ event: IMPRESSION_EVENT, method: IMAGE_METHOD, url: links.impression }] }
      : { imptrackers: [links.impression] }),
  };
  const text = `{"assets":${PLACE.assets},${JSON.stringify(native).slice(1)}`;
  return form === 'wrapped' ? `{"native":${text}}` : text;
}

/** The assets of an answer, escaped for the JSON text inside the response's JSON. */
export function nativeAssets(offer: NativeOffer, creative: Creative): string {
  const assets = offer.assets.flatMap((asset) => {
    const answer = answerAsset(asset, creative.native!);
    return answer === null ? [] : [{ id: asset.id, ...(asset.required ? { required: 1 } : {}), ...answer }];
  });
  return JSON.stringify(withoutPlaces(JSON.stringify(assets))).slice(1, -1);
}
