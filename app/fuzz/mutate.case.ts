import type { Random } from '../../core/random.ts';

/** Bytes and words that parsers trip over. */
const words = [
  '"',
  '\\',
  '\\u0000',
  '\\ud800',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  'null',
  'true',
  '-0',
  '1e999',
  '9007199254740993',
  '-1',
  '0.1',
  ' ',
  '\n',
  '\u2028',
  '\u00e9',
  '\u{1F600}',
  '<',
  '>',
  ']]>',
  '&',
  '&amp;',
  "'",
  '${AUCTION_PRICE}',
  '${CLICK_URL}',
  '%00',
  '%',
  '%E0%A4',
  '+',
  '=',
  '~',
  '.',
  '__proto__',
  'constructor',
  '../',
  'NaN',
  'Infinity',
  '\uE001',
  'A'.repeat(300),
].map((word) => Buffer.from(word));
const MAX_BYTES = 64 * 1024;

/** A changed copy of an input: a few small changes, each of a kind that finds something. */
function mutate(input: Buffer, other: Buffer, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(input);
  for (let left = 1 + Math.floor(random.next() * 4); left > 0; left--) bytes = change(bytes, other, random);
  return bytes.length > MAX_BYTES ? bytes.subarray(0, MAX_BYTES) : bytes;
}

function change(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const at = Math.floor(random.next() * (bytes.length + 1));
  const length = Math.floor(random.next() * Math.min(32, bytes.length - at + 1));
  switch (Math.floor(random.next() * 7)) {
    case 0:
      if (at < bytes.length) bytes[at] = bytes[at]! ^ (1 << Math.floor(random.next() * 8));
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = Math.floor(random.next() * 256);
      return bytes;
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 4: {
      const from = Math.floor(random.next() * (other.length + 1));
      return Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + 64), bytes.subarray(at)]);
    }
    case 5:
      return bytes.subarray(0, at);
    default:
      return Buffer.concat([
        bytes.subarray(0, at),
        words[Math.floor(random.next() * words.length)]!,
        bytes.subarray(at + length),
      ]);
  }
}

/** What one input led to: a short name of the outcome. An input with a new outcome is kept and mutated further. */
export type Target = (input: Buffer) => string | Promise<string>;

const MAX_CORPUS = 2000;

/**
 * Feeds mutations of a growing corpus, guided by outcome.
 * @returns the outcomes seen
 * @throws what the target threw, with the input as base64
 */
export async function fuzz(
  seeds: readonly Buffer[],
  inputs: number,
  random: Random,
  target: Target,
): Promise<Set<string>> {
  const corpus = [...seeds];
  const outcomes = new Set<string>();
  for (let i = 0; i < inputs; i++) {
    const pick = (): Buffer => corpus[Math.floor(random.next() * corpus.length)]!;
    const input = i < seeds.length ? seeds[i]! : mutate(pick(), pick(), random);
    let outcome: string;
    try {
      const answer = target(input);
      outcome = typeof answer === 'string' ? answer : await answer;
    } catch (error) {
      throw new Error(`input ${i} (base64): ${input.toString('base64')}`, { cause: error });
    }
    if (outcomes.has(outcome)) continue;
    outcomes.add(outcome);
    if (corpus.length < MAX_CORPUS) corpus.push(input);
  }
  return outcomes;
}
