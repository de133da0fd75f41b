import type { Creative } from '../../core/campaign.ts';
import type { VastVersion } from '../auction/mediaoffer.ts';
import type { Links } from './links.ts';
import { withoutPlaces } from './template.ts';

/** VAST event names and what we call them in our links. */
const milestones = ['start', 'firstQuartile', 'midpoint', 'thirdQuartile', 'complete'] as const;

/** VAST for a video or audio creative: inline media, or a wrapper around another server's tag; both with our tracking. */
export function vastMarkup(creative: Creative, links: Links, version: VastVersion): string {
  const asset = (creative.video ?? creative.audio)!;
  const kind = asset.vastTagUrl === null ? 'InLine' : 'Wrapper';
  const four = version.startsWith('4');
  const open =
    `<VAST version="${version}"><Ad id="${creative.id}"><${kind}><AdSystem>Evenkeel</AdSystem>` +
    `<Error>${cdata(links.video('error'))}</Error><Impression id="evenkeel">${cdata(links.impression)}</Impression>`;
  const body = kind === 'InLine' ? inline(creative, links, four) : wrapper(creative, links);
  return `${open}${body}</${kind}></Ad></VAST>`;
}

function inline(creative: Creative, links: Links, four: boolean): string {
  const asset = (creative.video ?? creative.audio)!;
  const skip = asset.skipAfterSeconds === null ? '' : ` skipoffset="${clockTime(asset.skipAfterSeconds)}"`;
  // VAST 4 asks for an id under which the ad is known everywhere, and for one of this serving.
  const universal = four ? `<UniversalAdId idRegistry="evenkeel">${creative.id}</UniversalAdId>` : '';
  const serving = four ? `<AdServingId>${creative.id}</AdServingId>` : '';
  const files = asset.mediaFiles.map((file) => {
    const size = `width="${file.w}" height="${file.h}"`;
    const attributes = `delivery="progressive" type="${xml(file.mime)}" bitrate="${file.bitrateKbps}" ${size}`;
    return `<MediaFile ${attributes}>${cdata(withoutPlaces(file.url))}</MediaFile>`;
  });
  return (
    `${serving}<AdTitle>${xml(withoutPlaces(creative.name))}</AdTitle><Creatives><Creative id="${creative.id}">` +
    `${universal}<Linear${skip}><Duration>${clockTime(asset.durationSeconds)}</Duration>` +
    `${tracking(links)}<VideoClicks><ClickThrough>${cdata(links.click)}</ClickThrough></VideoClicks>` +
    `<MediaFiles>${files.join('')}</MediaFiles></Linear></Creative></Creatives>`
  );
}

function wrapper(creative: Creative, links: Links): string {
  const asset = (creative.video ?? creative.audio)!;
  // The wrapped ad brings its own landing page; we only count the click.
  return (
    `<VASTAdTagURI>${cdata(withoutPlaces(asset.vastTagUrl!))}</VASTAdTagURI><Creatives><Creative><Linear>` +
    `${tracking(links)}<VideoClicks><ClickTracking>${cdata(links.click)}</ClickTracking></VideoClicks>` +
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

function clockTime(seconds: number): string {
  const part = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${part(seconds / 3600)}:${part((seconds / 60) % 60)}:${part(seconds % 60)}`;
}
