import type { Creative, CreativeFormat } from '../../core/campaign.ts';
import type { ExchangeProfile } from '../config.ts';
import { bannerMarkup } from './banner.ts';
import { type Links, linksFor } from './links.ts';
import { compileTemplate, type Template } from './template.ts';

/** OpenRTB `mtype`. */
export const mtypes: Readonly<Record<CreativeFormat, number>> = { banner: 1, video: 2, audio: 3, native: 4 };

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
  readonly secure: boolean;
  readonly source: Creative;
  /** Fields of the bid object after `price`, from `,"adm"` on; with the profile's differences. */
  templateFor(profile: ExchangeProfile): Template;
}

/** Prepares a creative. Templates are made when an exchange first needs them: one per kind of profile. */
export function compileCreative(creative: Creative, baseUrl: string): ReadyCreative {
  const templates = new Map<string, Template>();
  const size = sizeOf(creative);
  return {
    id: creative.id,
    format: creative.format,
    mtype: mtypes[creative.format],
    ...size,
    durationSeconds: creative.video?.durationSeconds ?? creative.audio?.durationSeconds ?? 0,
    adomain: creative.adomain,
    bundle: creative.bundle?.toLowerCase() ?? '',
    cat: creative.cat,
    attr: creative.attr,
    secure: isSecure(creative),
    source: creative,
    templateFor(profile) {
      const kind = `${profile.billingEvent}:${profile.expirySeconds}`;
      let template = templates.get(kind);
      if (template === undefined) {
        template = compileTemplate(
          bidFields(creative, linksFor(baseUrl, profile.billingEvent === 'impression'), profile),
        );
        templates.set(kind, template);
      }
      return template;
    },
  };
}

function sizeOf(creative: Creative): { w: number; h: number } {
  const media = creative.video?.mediaFiles[0];
  if (creative.format === 'banner') return { w: creative.banner!.w, h: creative.banner!.h };
  return creative.format === 'video' ? { w: media?.w ?? 0, h: media?.h ?? 0 } : { w: 0, h: 0 };
}

/** Whether nothing in it is loaded over plain http. */
function isSecure(creative: Creative): boolean {
  const shown = [creative.banner, creative.video, creative.audio, creative.native];
  return !JSON.stringify(shown).includes('http://');
}

function bidFields(creative: Creative, links: Links, profile: ExchangeProfile): string {
  const size = sizeOf(creative);
  const fields = {
    adm: markup(creative, links),
    nurl: links.win,
    ...(profile.billingEvent === 'impression' ? {} : { burl: links.bill }),
    lurl: links.loss,
    adomain: creative.adomain,
    ...(creative.bundle === null ? {} : { bundle: creative.bundle }),
    ...(creative.iurl === null ? {} : { iurl: creative.iurl }),
    crid: String(creative.id),
    ...(creative.cat.length === 0 ? {} : { cat: creative.cat, cattax: cattaxOf(creative.cat) }),
    ...(creative.attr.length === 0 ? {} : { attr: creative.attr }),
    ...(creative.language === null ? {} : { language: creative.language }),
    ...(size.w > 0 && size.h > 0 ? size : {}),
    mtype: mtypes[creative.format],
    exp: profile.expirySeconds,
  };
  return `,${JSON.stringify(fields).slice(1, -1)}`;
}

/** AdCOM category taxonomy: 1 is the IAB content taxonomy 1.0, 7 is 3.0. */
function cattaxOf(cat: readonly string[]): number {
  return cat.every((code) => code.startsWith('IAB')) ? 1 : 7;
}

function markup(creative: Creative, links: Links): string {
  if (creative.format === 'banner') return bannerMarkup(creative, links);
  throw new RangeError(`No markup for ${creative.format} yet.`);
}
