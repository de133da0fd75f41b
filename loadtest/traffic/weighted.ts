import type { Random } from '../../core/random.ts';

/** Draws values in proportion to their weights. */
export interface Weighted<T> {
  draw(random: Random): T;
}

/** @param choices pairs of value and positive weight; weights need not add up to anything */
export function weighted<T>(choices: readonly (readonly [T, number])[]): Weighted<T> {
  const values = choices.map(([value]) => value);
  const cumulative: number[] = [];
  let total = 0;
  for (const [, weight] of choices) {
    total += weight;
    cumulative.push(total);
  }
  return {
    draw(random) {
      const at = random.next() * total;
      let low = 0;
      let high = cumulative.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (cumulative[middle]! > at) high = middle;
        else low = middle + 1;
      }
      return values[low]!;
    },
  };
}

/**
 * Ranks 1…n with probability proportional to 1 / (rank + shift)^s (Zipf's law with Mandelbrot's shift): some users and
 * pages make much of the traffic. The shift flattens the very top: without it the first of a million users would make
 * 3 % of all requests. Draws by inverting the continuous distribution, which needs no table.
 */
export function zipf(n: number, s: number, shift = 0): Weighted<number> {
  const power = 1 - s;
  const flat = Math.abs(power) < 1e-9;
  const integral = (x: number): number => (flat ? Math.log(x) : x ** power / power);
  const bottom = integral(1 + shift);
  const top = integral(n + 1 + shift);
  return {
    draw(random) {
      const at = bottom + random.next() * (top - bottom);
      const rank = (flat ? Math.exp(at) : (at * power) ** (1 / power)) - shift;
      return Math.min(n, Math.max(1, Math.floor(rank)));
    },
  };
}

/** A log-normal draw with the given median; `sigma` is the standard deviation of its logarithm. */
export function logNormal(random: Random, median: number, sigma: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return median * Math.exp(sigma * radius * Math.cos(2 * Math.PI * random.next()));
}

/** An exponential draw with the given mean, cut at five times the mean. */
export function exponential(random: Random, mean: number): number {
  return Math.min(5 * mean, -Math.log(1 - random.next()) * mean);
}
