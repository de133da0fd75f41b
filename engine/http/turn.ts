/** A request whose answer can be held back. */
export interface HeldCall {
  /** Answered, or its caller has gone. */
  readonly done: boolean;
  holding: boolean;
  /** Writes the answer that was held back. */
  release(): void;
}

/** The bid requests that arrive in one turn of the loop. */
export interface Turn<Call extends HeldCall> {
  /** Keeps a request for the end of the turn; the body is copied. @returns false when there is no room: answer it now */
  add(call: Call, body: Uint8Array): boolean;
  /** Copies the body of an answer. @returns where it is kept, -1 when there is no room: write it now */
  hold(body: Uint8Array): number;
  /** The body that is kept at a place, which is valid until it is written. */
  held(at: number, length: number): Uint8Array;
}

/** Requests of one turn that are kept, and decided one after the other before their answers are written. */
const MAX_CALLS = 256;
const AT_ONCE = 64;
/** Longer bodies are answered at once. */
const MAX_BODY_BYTES = 4096;
/** Lengths of views are multiples of this. */
const VIEW_BITS = 9;
const VIEW_BYTES = 1 << VIEW_BITS;
const MOST_VIEWS = MAX_BODY_BYTES >> VIEW_BITS;
const ANSWERS_BYTES = 512 * 1024;

/**
 * Gathers what has arrived when the loop comes round, decides all of it in a row and then writes the answers. Reading a
 * socket, deciding and writing run through different code, which together does not fit a processor's first caches: done
 * in turns for every request, each part finds what it needs in slower memory. A request that comes alone waits for nobody.
 * @param take takes a call up; the body is in [0, length) and only valid until it returns
 * @param decide answers all that were taken up
 * @param onReleased nothing of a call will be called again
 */
export function createTurn<Call extends HeldCall>(
  take: (call: Call, body: Uint8Array, length: number) => void,
  decide: () => void,
  onReleased: (call: Call) => void,
): Turn<Call> {
  // Lasting views of each, because a new one for every request would be garbage; not only one, because whoever reads a body
  // copies all of its view.
  const bodies = Array.from({ length: MAX_CALLS }, () => viewsOf(Buffer.alloc(MAX_BODY_BYTES)));
  const answers = new ArrayBuffer(ANSWERS_BYTES);
  const answerBytes = new Uint8Array(answers);
  const calls: Call[] = [];
  const lengths = new Int32Array(MAX_CALLS);
  let count = 0;
  let answersEnd = 0;

  function decideSome(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const call = calls[i]!;
      if (call.done) continue;
      call.holding = true;
      take(call, bodies[i]![(lengths[i]! + VIEW_BYTES - 1) >>> VIEW_BITS]!, lengths[i]!);
    }
    decide();
    for (let i = from; i < to; i++) {
      const call = calls[i]!;
      call.release();
      onReleased(call);
    }
    answersEnd = 0;
  }

  function end(): void {
    const all = count;
    for (let from = 0; from < all; from += AT_ONCE) decideSome(from, Math.min(all, from + AT_ONCE));
    count = 0;
  }

  return {
    add(call, body) {
      if (count === MAX_CALLS || body.length > MAX_BODY_BYTES) return false;
      bodies[count]![MOST_VIEWS]!.set(body);
      lengths[count] = body.length;
      calls[count++] = call;
      if (count === 1) setImmediate(end);
      return true;
    },
    hold(body) {
      const at = answersEnd;
      if (at + body.length > ANSWERS_BYTES) return -1;
      answerBytes.set(body, at);
      answersEnd = at + body.length;
      return at;
    },
    held: (at, length) => new Uint8Array(answers, at, length),
  };
}

/** Views of the first 0, 512, 1024 bytes and so on. */
function viewsOf(bytes: Buffer): Buffer[] {
  return Array.from({ length: MOST_VIEWS + 1 }, (_, i) => bytes.subarray(0, i * VIEW_BYTES));
}
