const EARTH_KM = 6371.0088;
const RADIANS = Math.PI / 180;
/** Kilometres of a degree of latitude. */
const DEGREE_KM = EARTH_KM * RADIANS;

/** Great-circle distance in kilometres (haversine, mean earth radius). */
function distanceKm(latA: number, lonA: number, latB: number, lonB: number): number {
  const sinLat = Math.sin(((latB - latA) * RADIANS) / 2);
  const sinLon = Math.sin(((lonB - lonA) * RADIANS) / 2);
  const h = sinLat * sinLat + Math.cos(latA * RADIANS) * Math.cos(latB * RADIANS) * sinLon * sinLon;
  return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}

export interface Circle {
  readonly lat: number;
  readonly lon: number;
  readonly km: number;
}

/** Circles in flat memory: latitude, longitude and radius in turn. */
export function compileCircles(circles: readonly Circle[]): Float64Array {
  return Float64Array.from(circles.flatMap(({ lat, lon, km }) => [lat, lon, km]));
}

/**
 * Whether a point is inside any of the circles; an unknown point is inside none. Most points are too far north or south
 * already, which costs no sines.
 */
export function isWithin(circles: Float64Array, lat: number, lon: number): boolean {
  if (Number.isNaN(lat) || Number.isNaN(lon)) return false;
  for (let i = 0; i < circles.length; i += 3) {
    const km = circles[i + 2]!;
    // A little more than the radius, so that rounding decides nothing.
    if (Math.abs(circles[i]! - lat) * DEGREE_KM > km * 1.001) continue;
    if (distanceKm(circles[i]!, circles[i + 1]!, lat, lon) <= km) return true;
  }
  return false;
}
