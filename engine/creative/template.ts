/**
 * Text prepared once and filled many times. Places to fill are private-use characters, which are taken out of what
 * advertisers and exchanges send before they get here.
 */
export const PLACE = {
  token: '\uE001',
  assets: '\uE002',
  currency: '\uE003',
  bidId: '\uE004',
  skipAfter: '\uE005',
} as const;
/** Numbers of the places, for `Fillings`. */
export const FILL = { token: 0, assets: 1, currency: 2, bidId: 3, skipAfter: 4 } as const satisfies Record<
  keyof typeof PLACE,
  number
>;
const placeOf = new Map<string, number>(Object.values(PLACE).map((char, i) => [char, i]));
const PLACES = /[\uE000-\uE0FF]/;

export interface Template {
  /** Bytes before each place, and after the last: one more than `places`. */
  readonly parts: readonly Buffer[];
  readonly places: Uint8Array;
  /** Bytes of all parts. */
  readonly ownBytes: number;
}

/** Takes the characters that mark places out of a foreign text. */
export function withoutPlaces(text: string): string {
  return PLACES.test(text) ? text.replace(/[\uE000-\uE0FF]/g, '') : text;
}

/** @param text with characters of `PLACE` where values go */
export function compileTemplate(text: string): Template {
  const parts: Buffer[] = [];
  const places: number[] = [];
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const place = placeOf.get(text[i]!);
    if (place === undefined) continue;
    parts.push(Buffer.from(text.slice(from, i)));
    places.push(place);
    from = i + 1;
  }
  parts.push(Buffer.from(text.slice(from)));
  const ownBytes = parts.reduce((sum, part) => sum + part.length, 0);
  return { parts, places: Uint8Array.from(places), ownBytes };
}

/** What goes into the places, by number of the place. */
export interface Fillings {
  /** The values as bytes. */
  readonly values: Uint8Array[];
  /** The values that were given as text: the same one is not made again. */
  readonly texts: (string | null)[];
  readonly bytes: readonly Buffer[];
}

/** Most bytes of one value. */
const MAX_FILLING_BYTES = 262_144;

export function createFillings(): Fillings {
  return {
    values: Array.from(placeOf, () => Buffer.alloc(0)),
    texts: Array.from(placeOf, () => ''),
    bytes: Array.from(placeOf, () => Buffer.alloc(MAX_FILLING_BYTES)),
  };
}

/** Sets the value of a place. @throws RangeError when it is longer than any value we make */
export function fill(fillings: Fillings, place: number, text: string): void {
  if (fillings.texts[place] === text) return;
  if (text.length * 3 > MAX_FILLING_BYTES) throw new RangeError('A value for a template is too long.');
  const bytes = fillings.bytes[place]!;
  fillings.values[place] = bytes.subarray(0, bytes.write(text, 0));
  fillings.texts[place] = text;
}

/** Sets the value of a place to bytes that stay as they are while templates are written. */
export function fillBytes(fillings: Fillings, place: number, value: Uint8Array): void {
  fillings.values[place] = value;
  fillings.texts[place] = null;
}

/** The most bytes a template can become. */
export function templateBytes(template: Template, fillings: Fillings): number {
  const { places } = template;
  let bytes = template.ownBytes;
  for (let i = 0; i < places.length; i++) bytes += fillings.values[places[i]!]!.length;
  return bytes;
}

/** Writes a filled template. @returns the position after it */
export function writeTemplate(template: Template, fillings: Fillings, out: Buffer, at: number): number {
  const { parts, places } = template;
  let position = at;
  for (let i = 0; i < places.length; i++) {
    const part = parts[i]!;
    out.set(part, position);
    position += part.length;
    const value = fillings.values[places[i]!]!;
    out.set(value, position);
    position += value.length;
  }
  const last = parts[places.length]!;
  out.set(last, position);
  return position + last.length;
}
