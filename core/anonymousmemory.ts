import { readFileSync } from 'node:fs';

/**
 * Resident memory of a process that is its own and has no file behind it, bytes (`RssAnon`, proc_pid_status(5)): what grows
 * when something leaks. Resident memory as a whole also counts mapped files and libraries, whose pages the system takes back.
 * @returns null where the system does not tell
 */
export function anonymousMemoryBytes(pid: number | 'self'): number | null {
  try {
    const kib = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}
