// The innermost loop of a search for line items in AssemblyScript, compiled to WebAssembly by `npm run generate`
// (scripts/wasm.mjs): 128 positions are looked at by one instruction. `termindex.ts` is its other half: it lays out the
// rows of bits in the memory below and says which of them decide about a request.
//
// All places are byte addresses. What a search goes by stands in a few words from HEADER on; the first row begins at
// HEADER + HEADER_BYTES or later.
export const HEADER: i32 = 1024;
// How many words there are to go through, and where their numbers stand, dearest first.
const TURNS: i32 = HEADER;
const ORDER: i32 = HEADER + 4;
// Words from this one on are not laid out yet.
const NEAR: i32 = HEADER + 8;
// The row of positions in use.
const ACTIVE: i32 = HEADER + 12;
// How many groups; where it stands where each of them ends in the list of rows; where that list begins.
const GROUPS: i32 = HEADER + 16;
const ENDS: i32 = HEADER + 20;
const STARTS: i32 = HEADER + 24;
// The list of refusing rows, and where it ends.
const REFUSERS: i32 = HEADER + 28;
const REFUSERS_END: i32 = HEADER + 32;
// The result: the bits that were found.
const BITS: i32 = HEADER + 36;
const LANES: i32 = HEADER + 48;

/**
 * Goes on to the next word in which some position is in one row of every group and in no refusing row. Gives its turn,
 * the number of turns when there is none, or -1 - turn when it comes to a word that is not laid out yet.
 */
export function advance(from: i32): i32 {
  const turns = load<i32>(TURNS);
  const order = load<i32>(ORDER);
  const near = load<i32>(NEAR);
  let turn = from;
  while (turn < turns) {
    const at = order + (turn << 2);
    const word = load<i32>(at);
    if (word >= near) return -1 - turn;
    const four = turn + 4 <= turns && word + 4 <= near &&
      i32x4.all_true(i32x4.eq(v128.load(at), i32x4.add(i32x4.splat(word), i32x4(0, 1, 2, 3))));
    if (four) {
      const lane = lookAtFour(word << 2);
      if (lane >= 0) return turn + lane;
      turn += 4;
    } else {
      const bits = lookAtOne(word << 2);
      if (bits != 0) {
        store<i32>(BITS, bits);
        return turn;
      }
      turn++;
    }
  }
  return turns;
}

function lookAtOne(offset: i32): i32 {
  let bits = load<i32>(load<i32>(ACTIVE) + offset);
  let at = load<i32>(STARTS);
  const ends = load<i32>(ENDS);
  const lastEnd = ends + (load<i32>(GROUPS) << 2);
  for (let group = ends; group < lastEnd; group += 4) {
    const end = load<i32>(group);
    let allowed = 0;
    for (; at < end; at += 4) allowed |= load<i32>(load<i32>(at) + offset);
    bits &= allowed;
    if (bits == 0) return 0;
  }
  const refusersEnd = load<i32>(REFUSERS_END);
  for (at = load<i32>(REFUSERS); at < refusersEnd; at += 4) bits &= ~load<i32>(load<i32>(at) + offset);
  return bits;
}

/** The first of four words in which something is found, -1 when nothing is. */
function lookAtFour(offset: i32): i32 {
  let bits = v128.load(load<i32>(ACTIVE) + offset);
  let at = load<i32>(STARTS);
  const ends = load<i32>(ENDS);
  const lastEnd = ends + (load<i32>(GROUPS) << 2);
  for (let group = ends; group < lastEnd; group += 4) {
    const end = load<i32>(group);
    let allowed = i32x4.splat(0);
    for (; at < end; at += 4) allowed = v128.or(allowed, v128.load(load<i32>(at) + offset));
    bits = v128.and(bits, allowed);
    if (!v128.any_true(bits)) return -1;
  }
  const refusersEnd = load<i32>(REFUSERS_END);
  for (at = load<i32>(REFUSERS); at < refusersEnd; at += 4) {
    bits = v128.andnot(bits, v128.load(load<i32>(at) + offset));
  }
  if (!v128.any_true(bits)) return -1;
  v128.store(LANES, bits);
  const lane = ctz(i32x4.bitmask(i32x4.ne(bits, i32x4.splat(0))));
  store<i32>(BITS, load<i32>(LANES + (lane << 2)));
  return lane;
}
