const EARTH_KM = 6371.0088;
const RADIANS = Math.PI / 180;

/** Great-circle distance in kilometres (haversine, mean earth radius). */
export function distanceKm(latA: number, lonA: number, latB: number, lonB: number): number {
  const sinLat = Math.sin(((latB - latA) * RADIANS) / 2);
  const sinLon = Math.sin(((lonB - lonA) * RADIANS) / 2);
  const h = sinLat * sinLat + Math.cos(latA * RADIANS) * Math.cos(latB * RADIANS) * sinLon * sinLon;
  return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** Whether a point is inside any of the circles; an unknown point is inside none. */
export function isWithin(
  circles: readonly { readonly lat: number; readonly lon: number; readonly km: number }[],
  lat: number,
  lon: number,
): boolean {
  if (Number.isNaN(lat) || Number.isNaN(lon)) return false;
  return circles.some((circle) => distanceKm(circle.lat, circle.lon, lat, lon) <= circle.km);
}
