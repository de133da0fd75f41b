import { readdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Analytics give way to bidding; simulated traffic stands in between. 0 is normal, 19 lowest. */
export const NICENESS = { bidder: 0, reporting: 10, demo: 5 } as const;

/**
 * Lets others go before a process, as far as the system allows it: otherwise bidding is only as protected as the
 * scheduler makes it.
 * @param niceness 1 to 19
 * @param ownSession the process leads a session, as detached children do. Linux then weighs sessions against each other
 * (sched_autogroup, see sched(7)) and a niceness counts only among the threads of one session: without this the
 * analytics would get as much of the processor as bidding.
 */
export function lowerPriority(pid: number, niceness: number, ownSession: boolean): void {
  for (const id of threadsOf(pid)) attempt(() => setPriority(id, niceness));
  if (ownSession && process.platform === 'linux') {
    attempt(() => writeFileSync(`/proc/${pid}/autogroup`, String(niceness)));
  }
}

/** On Linux every thread has a niceness of its own; elsewhere the process has one. */
function threadsOf(pid: number): readonly number[] {
  let threads = [pid];
  if (process.platform === 'linux') {
    attempt(() => {
      threads = readdirSync(`/proc/${pid}/task`).map(Number);
    });
  }
  return threads;
}

function attempt(change: () => void): void {
  try {
    change();
  } catch {
    // Not allowed, or no such thing here.
  }
}
