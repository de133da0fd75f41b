import type { Circle } from './distance.ts';

/** Kilometres of a degree of latitude, a little too few, so that a circle is never thought smaller than it is. */
const DEGREE_KM = 111;
/** Circles that touch more cells are looked at one by one instead. */
const MAX_CELLS = 64;
/** Nearer to a pole cells are too narrow. */
const MAX_LATITUDE = 85;
const RADIANS = Math.PI / 180;

/** The cell of one degree by one degree that a point is in, as a small whole number; NaN when the point is not known. */
export function cellOf(lat: number, lon: number): number {
  const column = (Math.floor(lon) + 180) % 360;
  return (Math.floor(lat) + 90) * 360 + (column < 0 ? column + 360 : column);
}

/**
 * The cells that circles touch, as terms: who is in none of them is in no circle. Who is in one still has to be asked.
 * @returns none when there are no circles, or when they touch too many cells
 */
export function cellsOf(circles: readonly Circle[]): string[] {
  const cells = new Set<number>();
  for (const circle of circles) if (!addCells(circle, cells)) return [];
  return [...cells].map(String);
}

/** @returns false when there are too many */
function addCells({ lat, lon, km }: Circle, into: Set<number>): boolean {
  const height = km / DEGREE_KM;
  const farthest = Math.abs(lat) + height;
  if (farthest >= MAX_LATITUDE) return false;
  // No meridian that touches the circle is farther away than this (spherical trigonometry, the tangent's right angle).
  const width = Math.asin(Math.min(1, Math.sin(height * RADIANS) / Math.cos(lat * RADIANS))) / RADIANS;
  if ((2 * height + 2) * (2 * width + 2) > MAX_CELLS) return false;
  for (let row = Math.floor(lat - height); row <= Math.floor(lat + height); row++) {
    for (let column = Math.floor(lon - width); column <= Math.floor(lon + width); column++)
      into.add(cellOf(row, column));
  }
  return into.size <= MAX_CELLS;
}
