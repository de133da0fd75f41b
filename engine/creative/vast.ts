import type { Creative } from '../../core/campaign.ts';
import type { Links } from './links.ts';
import { PLACE, withoutPlaces } from './template.ts';

/** VAST event names and what we call them in our links. */
const milestones = ['start', 'firstQuartile', 'midpoint', 'thirdQuartile', 'complete'] as const;

/** Element names that differ between VAST and its sister for audio, DAAST 1.0. */
const vastNames = { root: 'VAST', tag: 'VASTAdTagURI', clicks: 'VideoClicks' } as const;
const daastNames = { root: 'DAAST', tag: 'DAASTAdTagURI', clicks: 'AdInteractions' } as const;

/** Whether a form of markup lets the viewer skip. */
export function isSkippable(form: string): boolean {
  return form.endsWith(' skip');
}

interface Dialect {
  readonly names: typeof vastNames | typeof daastNames;
  readonly version: string;
  /** VAST 4 has ids of its own. */
  readonly four: boolean;
  readonly skippable: boolean;
}

function dialectOf(form: string): Dialect {
  const daast = form.startsWith('DAAST ');
  const [version = ''] = form.replace('DAAST ', '').split(' ');
  const names = daast ? daastNames : vastNames;
  return { names, version, four: version.startsWith('4'), skippable: isSkippable(form) };
}

/**
 * VAST for a video or audio creative, or DAAST for audio: inline media, or a wrapper around another server's tag; both
 * with our tracking.
 * @param form version of VAST, `DAAST 1.0`, and ` skip` behind it when the viewer may skip
 */
export function vastMarkup(creative: Creative, links: Links, form: string): string {
  const asset = (creative.video ?? creative.audio)!;
  const kind = asset.vastTagUrl === null ? 'InLine' : 'Wrapper';
  const dialect = dialectOf(form);
  const { names, version } = dialect;
  // From 4.1 on VAST says that an ad is only to be heard.
  const audio = creative.format === 'audio' && (version === '4.1' || version === '4.2') ? ' adType="audio"' : '';
  const open =
    `<${names.root} version="${version}"><Ad id="${creative.id}"${audio}><${kind}><AdSystem>Evenkeel</AdSystem>` +
    `<Error>${cdata(links.video('error'))}</Error><Impression id="evenkeel">${cdata(links.impression)}</Impression>`;
  const body = kind === 'InLine' ? inline(creative, links, dialect) : wrapper(creative, links, dialect);
  return `${open}${body}</${kind}></Ad></${names.root}>`;
}

function inline(creative: Creative, links: Links, { names, four, skippable }: Dialect): string {
  const asset = (creative.video ?? creative.audio)!;
  const skip = skippable ? ` skipoffset="${PLACE.skipAfter}"` : '';
  // VAST 4 asks for an id under which the ad is known everywhere, and for one of this serving.
  const universal = four ? `<UniversalAdId idRegistry="evenkeel">${creative.id}</UniversalAdId>` : '';
  const serving = four ? `<AdServingId>${PLACE.bidId}</AdServingId>` : '';
  const daast = names === daastNames;
  // DAAST wants a category, and an id instead of a size on each file.
  const category = daast ? `<Category>${xml(creative.cat[0] ?? 'IAB24')}</Category>` : '';
  const files = asset.mediaFiles.map((file, i) => {
    const size = daast ? `id="${creative.id}-${i + 1}"` : `width="${file.w}" height="${file.h}"`;
    const attributes = `delivery="progressive" type="${xml(file.mime)}" bitrate="${file.bitrateKbps}" ${size}`;
    return `<MediaFile ${attributes}>${cdata(withoutPlaces(file.url))}</MediaFile>`;
  });
  return (
    `${serving}<AdTitle>${xml(withoutPlaces(creative.name))}</AdTitle>${category}<Creatives>` +
    `<Creative id="${creative.id}">${universal}<Linear${skip}><Duration>${clockTime(asset.durationSeconds)}</Duration>` +
    `${tracking(links)}<${names.clicks}><ClickThrough>${cdata(links.click)}</ClickThrough></${names.clicks}>` +
    `<MediaFiles>${files.join('')}</MediaFiles></Linear></Creative></Creatives>`
  );
}

function wrapper(creative: Creative, links: Links, { names }: Dialect): string {
  const asset = (creative.video ?? creative.audio)!;
  // The wrapped ad brings its own landing page; we only count the click.
  return (
    `<${names.tag}>${cdata(withoutPlaces(asset.vastTagUrl!))}</${names.tag}><Creatives><Creative><Linear>` +
    `${tracking(links)}<${names.clicks}><ClickTracking>${cdata(links.click)}</ClickTracking></${names.clicks}>` +
    '</Linear></Creative></Creatives>'
  );
}

function tracking(links: Links): string {
  const events = milestones.map((event) => `<Tracking event="${event}">${cdata(links.video(event))}</Tracking>`);
  return `<TrackingEvents>${events.join('')}</TrackingEvents>`;
}

/** Text in a CDATA section; an end mark inside it is split over two sections. */
export function cdata(text: string): string {
  return `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
}

function xml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

/** Seconds as VAST writes them: HH:MM:SS. */
export function clockTime(seconds: number): string {
  const part = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${part(seconds / 3600)}:${part((seconds / 60) % 60)}:${part(seconds % 60)}`;
}
