import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A ClickHouse-speaking process, to be killed. */
export interface WireServer {
  readonly url: string;
  readonly port: number;
  /** How often each fault fired. */
  readonly fired: Map<string, number>;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export interface WireOptions {
  readonly port?: number;
  /** Met in turn by every second insert: `cut-after`, `slow`. */
  readonly faults?: readonly string[];
  readonly slowMs?: number;
}

/** Starts it on a directory; resolves when it listens. */
export async function startWireServer(dir: string, options: WireOptions = {}): Promise<WireServer> {
  const main = join(root, 'dist', 'reporting', 'store', 'wireserver.case.js');
  const { port = 0, faults = [], slowMs = 2000 } = options;
  const args = [main, '--dir', dir, '--port', String(port), '--faults', faults.join(','), '--slow-ms', String(slowMs)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const fired = new Map<string, number>();
  const lines = createInterface({ input: child.stdout });
  const listening = await new Promise<number>((resolve, reject) => {
    lines.on('line', (line) => {
      const [word, rest = ''] = line.split(' ');
      if (word === 'listening') resolve(Number(rest));
      if (word === 'fault') fired.set(rest, (fired.get(rest) ?? 0) + 1);
    });
    child.once('exit', (code, signal) => reject(new Error(`the wire server ended: ${code ?? signal}`)));
  });
  return {
    url: `http://127.0.0.1:${listening}`,
    port: listening,
    fired,
    async kill(signal = 'SIGKILL') {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    },
  };
}
