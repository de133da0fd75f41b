import type { Creative, CreativeFormat } from '../../core/campaign.ts';
import type { ExchangeProfile } from '../config.ts';
import { bannerMarkup } from './banner.ts';
import { type Links, linksFor } from './links.ts';
import { nativeMarkup } from './native.ts';
import { compileTemplate, type Template } from './template.ts';
import { isSkippable, vastMarkup } from './vast.ts';

/** OpenRTB `mtype`. */
const mtypes: Readonly<Record<CreativeFormat, number>> = { banner: 1, video: 2, audio: 3, native: 4 };

/** A creative ready to be bid: what the auction compares, and its part of the response as bytes. */
export interface ReadyCreative {
  readonly id: number;
  readonly format: CreativeFormat;
  readonly mtype: number;
  readonly w: number;
  readonly h: number;
  readonly durationSeconds: number;
  readonly adomain: readonly string[];
  readonly bundle: string;
  readonly cat: readonly string[];
  readonly attr: readonly number[];
  /** OpenRTB banner ad type: 2 image or HTML, 3 with a script, 4 with an iframe; 0 for other formats. */
  readonly btype: number;
  readonly secure: boolean;
  readonly source: Creative;
  /** Fields of the bid object from `,"adm"` on, as this exchange and this form of markup need them. */
  templateFor(profile: ExchangeProfile, variant: string): Template;
}

/** Prepares a creative. Templates are made when an exchange first needs them. */
export function compileCreative(creative: Creative, baseUrl: string): ReadyCreative {
  const templates = new Map<string, Template>();
  let lastProfile: ExchangeProfile | null = null;
  let lastVariant = '';
  let lastTemplate: Template | null = null;
  const size = sizeOf(creative);
  return {
    id: creative.id,
    format: creative.format,
    mtype: mtypes[creative.format],
    ...size,
    durationSeconds: secondsOf(creative),
    adomain: creative.adomain,
    bundle: creative.bundle?.toLowerCase() ?? '',
    cat: creative.cat,
    attr: creative.attr,
    btype: bannerTypeOf(creative),
    secure: isSecure(creative),
    source: creative,
    templateFor(profile, variant) {
      if (profile === lastProfile && variant === lastVariant && lastTemplate !== null) return lastTemplate;
      const kind = `${profile.name}:${variant}`;
      let template = templates.get(kind);
      if (template === undefined) {
        template = compileTemplate(bidFields(creative, linksFor(baseUrl, profile), profile, variant));
        templates.set(kind, template);
      }
      lastProfile = profile;
      lastVariant = variant;
      lastTemplate = template;
      return template;
    },
  };
}

function sizeOf(creative: Creative): { w: number; h: number } {
  const media = creative.video?.mediaFiles[0];
  if (creative.format === 'banner') return { w: creative.banner!.w, h: creative.banner!.h };
  return creative.format === 'video' ? { w: media?.w ?? 0, h: media?.h ?? 0 } : { w: 0, h: 0 };
}

function secondsOf(creative: Creative): number {
  if (creative.format === 'video') return creative.video!.durationSeconds;
  return creative.format === 'audio' ? creative.audio!.durationSeconds : 0;
}

function bannerTypeOf(creative: Creative): number {
  if (creative.format !== 'banner') return 0;
  const html = creative.banner!.html?.toLowerCase() ?? '';
  if (html.includes('<iframe')) return 4;
  return html.includes('<script') ? 3 : 2;
}

/** Whether nothing in it is loaded over plain http. */
function isSecure(creative: Creative): boolean {
  const shown = [creative.banner, creative.video, creative.audio, creative.native];
  // An XML namespace is a name, not something a browser loads.
  return !JSON.stringify(shown).replaceAll('http://www.w3.org/', '').includes('http://');
}

function bidFields(creative: Creative, links: Links, profile: ExchangeProfile, variant: string): string {
  const size = sizeOf(creative);
  const seconds = secondsOf(creative);
  const fields = {
    adm: markup(creative, links, variant),
    nurl: links.win,
    ...(profile.billingEvent === 'impression' ? {} : { burl: links.bill }),
    lurl: links.loss,
    adomain: creative.adomain,
    ...(creative.bundle === null ? {} : { bundle: creative.bundle }),
    ...(creative.iurl === null ? {} : { iurl: creative.iurl }),
    crid: String(creative.id),
    ...(creative.cat.length === 0 ? {} : { cat: creative.cat, cattax: cattaxOf(creative.cat) }),
    ...attrOf(creative, variant),
    ...(creative.language === null ? {} : { language: creative.language }),
    ...(size.w > 0 && size.h > 0 ? size : {}),
    mtype: mtypes[creative.format],
    ...(seconds === 0 ? {} : { dur: seconds }),
    exp: profile.expirySeconds,
  };
  return `,${JSON.stringify(fields).slice(1, -1)}`;
}

/** A video that may be skipped says so: AdCOM creative attribute 16. */
function attrOf(creative: Creative, variant: string): { attr?: readonly number[] } {
  const attr = isSkippable(variant) && !creative.attr.includes(16) ? [...creative.attr, 16] : creative.attr;
  return attr.length === 0 ? {} : { attr };
}

/** AdCOM category taxonomy: 1 is the IAB content taxonomy 1.0, 7 is 3.0. */
function cattaxOf(cat: readonly string[]): number {
  return cat.every((code) => code.startsWith('IAB')) ? 1 : 7;
}

function markup(creative: Creative, links: Links, variant: string): string {
  switch (creative.format) {
    case 'banner':
      return bannerMarkup(creative, links);
    case 'video':
    case 'audio':
      return vastMarkup(creative, links, variant);
    case 'native':
      return nativeMarkup(links, variant);
  }
}
