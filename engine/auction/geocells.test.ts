import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCircles, isWithin } from './distance.ts';
import { cellOf, cellsOf } from './geocells.ts';

const lat = fc.double({ min: -90, max: 90, noNaN: true });
const lon = fc.double({ min: -180, max: 180, noNaN: true });

describe('cells of one degree', () => {
  it('hold every point that is in a circle', () => {
    let asked = 0;
    const near = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        lat,
        lon,
        fc.double({ min: 0.1, max: 700, noNaN: true }),
        near,
        near,
        (atLat, atLon, km, up, right) => {
          const circle = { lat: atLat, lon: atLon, km };
          const cells = cellsOf([circle]);
          const degrees = (1.02 * km) / 111;
          const pointLat = Math.max(-90, Math.min(90, atLat + up * degrees));
          const pointLon = atLon + (right * degrees) / Math.max(0.05, Math.cos((pointLat * Math.PI) / 180));
          const wrapped = pointLon > 180 ? pointLon - 360 : pointLon < -180 ? pointLon + 360 : pointLon;
          if (cells.length === 0 || !isWithin(compileCircles([circle]), pointLat, wrapped)) return;
          asked++;
          expect(cells).toContain(String(cellOf(pointLat, wrapped)));
        },
      ),
      { numRuns: 5000 },
    );
    expect(asked).toBeGreaterThan(500);
  });

  it('are few, or none are given', () => {
    expect(cellsOf([])).toEqual([]);
    expect(cellsOf([{ lat: 52.5, lon: 13.4, km: 30 }]).length).toBeLessThanOrEqual(4);
    expect(cellsOf([{ lat: 52.5, lon: 13.4, km: 2000 }])).toEqual([]);
    expect(cellsOf([{ lat: 89, lon: 0, km: 10 }])).toEqual([]);
    expect(cellsOf([{ lat: 0.5, lon: 179.9, km: 30 }])).toContain(String(cellOf(0.5, -179.95)));
  });
});
