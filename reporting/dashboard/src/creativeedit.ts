import { type CreativeText, creativeBody, newCreative } from './creativetext.ts';
import type { Creative, Linear } from './data.ts';

/** A creative as people edit it. */
export function creativeText(creative: Creative): CreativeText {
  const { name, landingUrl, banner, native } = creative;
  const text = { ...newCreative, name, landingUrl };
  if (creative.format === 'native' && native !== null) {
    const { title, description, sponsoredBy, callToAction, image } = native;
    const picture = { source: image?.url ?? '', w: image?.w ?? 0, h: image?.h ?? 0 };
    return { ...text, kind: 'native', title, description, sponsoredBy, callToAction, ...picture };
  }
  const linear = linearOf(creative);
  if (linear !== null) return { ...text, kind: creative.format === 'audio' ? 'audio' : 'video', ...linearText(linear) };
  const { w = 300, h = 250, html = null, imageUrl = null } = banner ?? {};
  return { ...text, kind: html === null ? 'image' : 'html', size: `${w}x${h}`, source: html ?? imageUrl ?? '', w, h };
}

function linearOf({ format, video, audio }: Creative): Linear | null {
  return format === 'video' ? video : format === 'audio' ? audio : null;
}

function linearText({ durationSeconds, skipAfterSeconds, vastTagUrl, mediaFiles }: Linear): Partial<CreativeText> {
  const lengths = { seconds: String(durationSeconds), skipAfter: String(skipAfterSeconds ?? '') };
  const [file] = mediaFiles;
  if (file === undefined) return { ...lengths, from: 'tag', source: vastTagUrl ?? '' };
  const { url, mime, w, h, bitrateKbps } = file;
  return { ...lengths, from: 'file', source: url, mime, w, h, bitrateKbps };
}

/** What an edited ad changes, as a JSON merge patch: what the form does not show stays. */
export function creativePatch(text: CreativeText, before: Creative): Record<string, unknown> {
  const { adomain, ...body } = creativeBody(text);
  const format = String(body.format);
  const asset = body[format] as object;
  const files = linearOf(before)?.mediaFiles ?? [];
  // The form shows the first file only: while that stays, so do its other sizes.
  const isSameFile = before.format === format && text.from === 'file' && files[0]?.url === text.source;
  const mediaFiles = files.map((file, i) => (i === 0 ? { ...file, mime: text.mime } : file));
  return {
    ...body,
    ...(before.format === format ? {} : { [before.format]: null }),
    [format]: isSameFile ? { ...asset, mediaFiles } : asset,
    ...(text.landingUrl === before.landingUrl ? {} : { adomain }),
  };
}
