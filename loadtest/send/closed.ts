import { createBook } from './book.ts';
import type { SenderDeps, SenderOptions } from './sender.ts';

/**
 * A closed loop: each of `users` sends its next request when the last one is over. It slows down with the server and
 * therefore hides what a real exchange would see; results are labelled. Latency counts from the send.
 */
export function createClosedSender<T>(
  options: SenderOptions & { readonly users: number; readonly durationMs: number },
  deps: Omit<SenderDeps<T>, 'schedule'>,
) {
  const { clock, pool } = deps;
  const book = createBook(options, deps);
  let running = 0;
  let origin = 0;
  let stopped = false;
  let finished: () => void = () => {};

  const userEnds = (): void => {
    running -= 1;
    if (running === 0) finished();
  };
  const turn = (): void => {
    const startMs = clock.monotonicMs();
    const at = startMs - origin;
    if (stopped || at >= options.durationMs) {
      userEnds();
      return;
    }
    const shot = deps.next();
    book.planned(at, 0);
    const sent = pool.trySend(shot.bytes, (outcome) => {
      const answeredMs = clock.monotonicMs();
      book.settled(
        outcome,
        { intendedMs: startMs, writtenMs: startMs, answeredMs, hasWaited: false },
        origin,
        shot.about,
      );
      deps.onDone?.(shot.about);
      // A refused connection must not turn into a busy loop.
      if (outcome.kind === 'fault') setTimeout(turn, 50);
      else setImmediate(turn);
    });
    if (sent) book.sent(at, 0, shot.bytes.length);
    else {
      book.dropped(at);
      setTimeout(turn, 5);
    }
  };
  return {
    run(originMs: number): Promise<void> {
      origin = originMs;
      running = options.users;
      return new Promise((resolve) => {
        finished = resolve;
        for (let i = 0; i < options.users; i++) setTimeout(turn, Math.max(0, originMs - clock.monotonicMs()));
      });
    },
    stop(): void {
      stopped = true;
    },
  };
}
