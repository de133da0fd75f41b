import type { Writable } from 'node:stream';

/** One live line of numbers from several roles, and other lines printed above it. */
export interface StatusLine {
  update(role: string, numbers: Readonly<Record<string, number>>): void;
  /** Prints a line of its own. */
  print(line: string): void;
  start(): void;
  close(): void;
}

const LIVE_EVERY_MS = 1000;
/** Without a terminal a line is a line of a log file: rarer. */
const PLAIN_EVERY_MS = 10_000;

/** @param live whether the stream is a terminal that can redraw its last line */
export function createStatusLine(out: Writable, live: boolean): StatusLine {
  const known = new Map<string, Readonly<Record<string, number>>>();
  let timer: NodeJS.Timeout | null = null;
  const clear = live ? '\r\u001b[2K' : '';

  function draw(): void {
    const line = formatStatus(Object.assign({}, ...known.values()) as Record<string, number>);
    if (line !== '') out.write(live ? `${clear}${line}` : `${line}\n`);
  }

  return {
    update: (role, numbers) => void known.set(role, numbers),
    print(line) {
      out.write(`${clear}${line}\n`);
    },
    start() {
      timer = setInterval(draw, live ? LIVE_EVERY_MS : PLAIN_EVERY_MS);
    },
    close() {
      if (timer !== null) clearInterval(timer);
      timer = null;
    },
  };
}

/** The numbers that people watch, in a fixed order; those not known yet are left out. */
export function formatStatus(numbers: Readonly<Record<string, number>>): string {
  const parts: string[] = [];
  const add = (name: string, show: (value: number) => string): void => {
    const value = numbers[name];
    if (value !== undefined) parts.push(show(value));
  };
  add('requestsPerSecond', (value) => `${Math.round(value)} requests/s`);
  add('p99Ms', (value) => `p99 ${value.toFixed(1)} ms`);
  add('bids', (value) => `${value.toLocaleString('en')} bids`);
  add('wins', (value) => `${value.toLocaleString('en')} wins`);
  add('spend', (value) => `spend ${value.toFixed(4)} USD`);
  add('errors', (value) => `${value.toLocaleString('en')} errors`);
  add('logLag', (value) => `log lag ${value.toLocaleString('en')}`);
  return parts.join('  ');
}
