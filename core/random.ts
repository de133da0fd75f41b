import { randomBytes } from 'node:crypto';

/** Randomness as a port: `next()` is uniform in [0, 1). */
export interface Random {
  next(): number;
  /** A uniform unsigned 32-bit integer. */
  nextUint32(): number;
}

/**
 * A small fast generator with a 128-bit state (sfc32, Chris Doty-Humphrey's PractRand). The same seed gives the same
 * sequence on every machine. Not for secrets.
 */
export function seededRandom(seed: number): Random {
  let a = seed >>> 0;
  let b = 0x9e3779b9;
  let c = 0x243f6a88;
  let d = 1;
  const nextUint32 = (): number => {
    const t = (((a + b) >>> 0) + d) >>> 0;
    d = (d + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = ((c << 21) | (c >>> 11)) >>> 0;
    c = (c + t) >>> 0;
    return t;
  };
  for (let i = 0; i < 12; i++) nextUint32();
  return { nextUint32, next: () => nextUint32() / 4294967296 };
}

/** A generator seeded from the operating system's entropy: the only source of non-reproducible randomness. */
export function systemRandom(): Random {
  return seededRandom(randomBytes(4).readUInt32LE(0));
}
