import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { localDay } from '../../core/budgetday.ts';
import { systemClock } from '../../core/clock.ts';
import type { Fact } from '../api/fakes.case.ts';
import { launch, newPage, startTestServer, type TestServer, type WatchedPage } from './browser.case.ts';
import { madeUpFacts, madeUpPacing, madeUpReports, madeUpStore, sendBidStats } from './demoworld.case.ts';

/** The demo with some hours of delivery and a browser to look at it, for all tests of a file. */
export interface Demo {
  /** What was delivered: tests may add to it. */
  readonly facts: Fact[];
  /** When the day of the demo’s advertiser began. */
  readonly today: number;
  readonly server: TestServer;
  page(options?: BrowserContextOptions): Promise<WatchedPage>;
}

export function startDemo(): Demo {
  const nowMs = systemClock.nowMs();
  const facts = madeUpFacts(nowMs);
  const today = localDay('UTC', nowMs).startMs;
  let server: TestServer | undefined;
  let browser: Browser | undefined;
  beforeAll(async () => {
    server = await startTestServer(madeUpReports(facts), madeUpPacing(facts, today, systemClock.nowMs), {
      ingest: async () => ({ lag: 215 }),
      store: async () => madeUpStore(nowMs),
    });
    await sendBidStats(server.log);
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.remove();
  });
  return {
    facts,
    today,
    get server() {
      return server!;
    },
    page: (options) => newPage(browser!, server!, options),
  };
}
