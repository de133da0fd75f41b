import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CodedError } from '../../core/errors.ts';
import type { Target } from '../../engine/bench/pressure.ts';

const READY_MS = 60_000;

/** The whole product as `npm start` runs it, with the demo's campaigns and without its traffic, in a folder that is thrown away. */
export async function startProduct(): Promise<Target> {
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'));
  const [bidPort, apiPort] = [await freePort(), await freePort()];
  const entry = fileURLToPath(new URL('../cli.js', import.meta.url));
  const args = ['start', `--bid-port=${bidPort}`, `--api-port=${apiPort}`, `--data-dir=${dir}`, '--no-demo-traffic'];
  const child = spawn(process.execPath, [entry, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(dir, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${bidPort}/healthz/ready`;
  for (let waited = 0; ; waited += 200) {
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break;
    if (waited > READY_MS || child.exitCode !== null) {
      await stop();
      throw new CodedError('bench.child_failed', 'The product did not become ready.', 'Its own message is above.');
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return { name: 'the product', port: bidPort, rssBytes: async () => null, reload: null, stop };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}
