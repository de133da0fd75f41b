import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { systemRandom } from '../../core/random.ts';
import { loadtestCommand as runLoadtestCommand } from '../../loadtest/cli/command.ts';
import type { Terminal } from '../../loadtest/cli/progress.ts';
import { loadConfig, processEnvironment } from '../config/load.ts';
import { loadSecrets } from '../secrets.ts';
import { version } from '../version.ts';

/** `evenkeel loadtest …`: its options are the load test's own, see `evenkeel loadtest --help`. */
export function loadtestCommand(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  return runLoadtestCommand(args, {
    clock: systemClock,
    random: systemRandom(),
    out: terminal(process.stdout),
    err: terminal(process.stderr),
    signal: stop.signal,
    apiKey: apiKey(),
    version,
  });
}

function terminal(stream: NodeJS.WriteStream): Terminal {
  return { write: (text) => void stream.write(text), live: stream.isTTY === true, columns: stream.columns ?? 80 };
}

/** `EVENKEEL_API_KEY`, else the operator key of the data folder when there is one: the server on this machine. */
function apiKey(): string {
  const env = processEnvironment();
  if (env.EVENKEEL_API_KEY !== undefined) return env.EVENKEEL_API_KEY;
  const { config } = loadConfig({ file: null, env, flags: {} });
  return existsSync(join(config.dataDir, 'secrets.json')) ? loadSecrets(config).operatorKey : '';
}
