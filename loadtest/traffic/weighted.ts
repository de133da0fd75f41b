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
 * Ranks 1…n with probability proportional to 1 / rank^s: a few users, pages and placements make most of the traffic.
 * Draws by inverting the continuous distribution, which is exact enough for n ≥ 100 and needs no table.
 */
export function zipf(n: number, s: number): Weighted<number> {
  const oneMinusS = 1 - s;
  const top = Math.abs(oneMinusS) < 1e-9 ? Math.log(n + 1) : ((n + 1) ** oneMinusS - 1) / oneMinusS;
  return {
    draw(random) {
      const at = random.next() * top;
      const rank = Math.abs(oneMinusS) < 1e-9 ? Math.exp(at) : (at * oneMinusS + 1) ** (1 / oneMinusS);
      return Math.min(n, Math.max(1, Math.floor(rank)));
    },
  };
}

/** A log-normal draw with the given median; `sigma` is the standard deviation of its logarithm. */
export function logNormal(random: Random, median: number, sigma: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return median * Math.exp(sigma * radius * Math.cos(2 * Math.PI * random.next()));
}

/** An exponential draw with the given mean, cut at ten times the mean. */
export function exponential(random: Random, mean: number): number {
  return Math.min(10 * mean, -Math.log(1 - random.next()) * mean);
}
