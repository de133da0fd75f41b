import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const dist = new URL('../dist/engine/', import.meta.url);
const banner = {
  id: 'request-1',
  imp: [{ id: 'imp-1', banner: { w: 300, h: 250 } }],
  site: { domain: 'news.example' },
};

/** Waits until a condition holds; fails after ten seconds. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe.each(['auto', 'node'])('a bidder process, transport %s', (transport) => {
  it('stops under load: answers what it accepted, flushes, and ends with 0', async () => {
    const script = fileURLToPath(new URL('testing/standalone.case.js', dist));
    const child = spawn(process.execPath, [script, transport], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { port } = JSON.parse((await lines.next()).value as string) as { port: number };
    const url = `http://127.0.0.1:${port}/openrtb2/bid/demo`;
    let bids = 0;
    let stopped = false;
    const client = async () => {
      while (!stopped) {
        const response = await fetch(url, { method: 'POST', body: JSON.stringify(banner) }).catch(() => null);
        if (response === null) return;
        await response.arrayBuffer();
        if (response.status === 200) bids++;
      }
    };
    const clients = Array.from({ length: 8 }, client);
    await until('bids', () => bids > 200);
    child.kill('SIGTERM');
    const summary = JSON.parse((await lines.next()).value as string) as { answered: number; final: boolean };
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    stopped = true;
    await Promise.all(clients);
    expect([code, signal]).toEqual([0, null]);
    expect(summary.final).toBe(true);
    expect(summary.answered).toBeGreaterThanOrEqual(bids);
  });

  it('ends with its own exit code when it can not go on, not with an abort', async () => {
    const script = fileURLToPath(new URL('testing/standalone.case.js', dist));
    const child = spawn(process.execPath, [script, transport], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { port } = JSON.parse((await lines.next()).value as string) as { port: number };
    const answer = await fetch(`http://127.0.0.1:${port}/healthz/live`);
    expect(answer.status).toBe(200);
    child.kill('SIGUSR2');
    expect((await lines.next()).value).toContain('the log is gone');
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect([code, signal]).toEqual([3, null]);
  });
});
