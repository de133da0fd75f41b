import type { Progress } from '../run/run.ts';

/** Where a command writes. */
export interface Terminal {
  write(text: string): void;
  /** A person is watching: lines may be redrawn. */
  readonly live: boolean;
  /** Width of the terminal; 100 when not known. */
  readonly columns?: number;
}

/** Shows a run while it goes on: one redrawn line on a terminal, a plain line now and then elsewhere. */
export interface ProgressView {
  phase(name: string): void;
  show(progress: Progress): void;
  done(): void;
}

/** Plain lines come every tenth of the run, but not more often than this, ms. */
const PLAIN_EVERY_MS = 5000;

export function createProgressView(out: Terminal, quiet: boolean): ProgressView {
  if (quiet) return { phase() {}, show() {}, done() {} };
  let nextPlainMs = 0;
  let drawn = false;
  const draw = (line: string): void => {
    out.write(`\r\u001b[2K${line.slice(0, Math.max(20, (out.columns ?? 100) - 1))}`);
    drawn = true;
  };
  return {
    phase(name) {
      const line = phases[name] ?? name;
      if (out.live) draw(line);
      else if (name !== 'sending') out.write(`${line}\n`);
    },
    show(progress) {
      if (progress.point.atMs >= progress.plannedMs && progress.point.sentRps === 0) return;
      if (out.live) draw(liveLine(progress));
      else if (progress.elapsedMs >= nextPlainMs) {
        nextPlainMs = progress.elapsedMs + Math.max(PLAIN_EVERY_MS, progress.plannedMs / 10);
        out.write(`${plainLine(progress)}\n`);
      }
    },
    done() {
      if (out.live && drawn) out.write('\r\u001b[2K');
    },
  };
}

const phases: Readonly<Record<string, string>> = {
  connecting: 'Connecting …',
  sending: 'Sending …',
  stopping: 'Stopping: what was sent is still waited for. Ctrl-C again ends without a report …',
  draining: 'Sent. Waiting for notices and beacons …',
  auditing: 'Comparing the report of the server with the ledger of truth …',
};

const BAR = 20;

function liveLine(progress: Progress): string {
  const share = Math.min(1, progress.elapsedMs / progress.plannedMs);
  const full = Math.round(share * BAR);
  const left = Math.max(0, progress.plannedMs - progress.elapsedMs);
  return `${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${(share * 100).toFixed(0).padStart(3)} %  ETA ${clock(left)}  ${numbers(progress)}`;
}

function plainLine(progress: Progress): string {
  return `${clock(progress.elapsedMs)}/${clock(progress.plannedMs)}  ${numbers(progress)}`;
}

function numbers({ point, wins, warmingUp }: Progress): string {
  if (warmingUp) return 'warming up';
  const trouble = [
    point.errors > 0 ? `errors ${point.errors}` : '',
    point.dropped > 0 ? `dropped ${point.dropped}` : '',
  ].filter((part) => part !== '');
  return [
    `${Math.round(point.sentRps)}/s`,
    `p50 ${ms(point.p50Ms)}`,
    `p99 ${ms(point.p99Ms)}`,
    `max ${ms(point.maxMs)}`,
    `bids ${point.bids}`,
    `wins ${wins}`,
    ...trouble,
  ].join('  ');
}

/** Latency for people: three digits are enough. */
export function ms(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ms`;
}

/** `1:02:03` or `02:03`. */
export function clock(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  return `${hours > 0 ? `${hours}:` : ''}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
