import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { Registry } from 'prom-client';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import type { Reports } from '../../core/report.ts';
import { createMemoryLog, OPERATOR_KEY, quiet } from '../api/fakes.case.ts';
import { seedDemo } from '../api/seed.ts';
import { type ApiServer, startApi } from '../api/server.ts';

export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));
/** CI may not skip: there a missing browser is a failure. */
export const mustRun = CHROMIUM !== undefined || process.env.EVENKEEL_REQUIRE_ALL_TESTS !== undefined;
if (CHROMIUM === undefined)
  console.warn('SKIPPED: browser tests, because chromium is not installed (apt-get install chromium)');

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export function launch(): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error('chromium is missing and EVENKEEL_REQUIRE_ALL_TESTS is set');
  const args = '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking';
  return chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [...args.split(' '), '--disable-component-update', '--disable-sync'],
  });
}

export interface TestServer extends ApiServer {
  readonly loginUrl: string;
  remove(): Promise<void>;
}

/** The real server on a free port, with the demo seeded, over an in-memory log and the given reports. */
export async function startTestServer(reports: Reports): Promise<TestServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-dashboard-'));
  const log = createMemoryLog();
  await seedDemo(log, systemClock.nowMs());
  const config = {
    host: '127.0.0.1',
    port: 0,
    dataDir,
    staticDir: join(root, 'dist', 'dashboard'),
    bootstrapOperatorKey: OPERATOR_KEY,
    version: '0.0.0-test',
  };
  const deps = {
    log,
    reports,
    pacing: null,
    clock: systemClock,
    random: seededRandom(3),
    logger: quiet,
    metrics: new Registry(),
  };
  const api = await startApi(config, deps);
  return {
    ...api,
    loginUrl: `${api.url}/#key=${OPERATOR_KEY}`,
    async remove() {
      await api.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
