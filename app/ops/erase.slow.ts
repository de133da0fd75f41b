import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleRequest } from '../commands/start.ts';
import { callApi, type System, startSystem, until } from '../e2e/processes.case.ts';
import { projectRoot } from '../version.ts';
import type { ErasureReport } from './erase.ts';

const VISITOR = 'somebody@example.com';
const agent = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0' };

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

let system: System;
let asked = 0;
beforeAll(async () => {
  system = await startSystem([], ['--seed-demo']);
});
afterAll(() => system?.stop());

/** One bid for a visitor, won, billed and shown. @returns whether there was a bid */
async function show(user: string): Promise<boolean> {
  const body = JSON.stringify({ ...sampleRequest, id: `erase-${asked++}`, user: { id: user } });
  const answer = await fetch(`${system.bidUrl}/openrtb2/bid/demo`, { method: 'POST', body });
  if (answer.status !== 200) return false;
  const { seatbid } = (await answer.json()) as { seatbid: { bid: { price: number; burl: string; adm: string }[] }[] };
  const { price, burl, adm } = seatbid[0]!.bid[0]!;
  await fetch(burl.replaceAll('${AUCTION_PRICE}', String(price)), { headers: agent });
  const pixel = /https?:\/\/[^"'\s]+\/event\/imp\/[^"'\s\\]+/.exec(adm)?.[0];
  if (pixel !== undefined) await fetch(pixel.replaceAll('&amp;', '&'), { headers: agent });
  return true;
}

async function totals() {
  const query = 'metrics=bills,impressions,spendNanos&totals=true';
  return (await callApi<{ totals: { bills: number; impressions: number } }>(system, `/api/v1/reports?${query}`)).totals;
}

function evenkeel(...args: string[]) {
  const done = spawnSync(
    process.execPath,
    [join(projectRoot, 'dist', 'app', 'cli.js'), ...args, `--data-dir=${system.dataDir}`],
    {
      encoding: 'utf8',
    },
  );
  return {
    ...done,
    report: done.status === 0 && args[0] === 'erase' ? (JSON.parse(done.stdout) as ErasureReport) : null,
  };
}

describe('evenkeel erase', () => {
  it('takes a user out of audiences, log and reports, and leaves counts and money, also after a replay', async () => {
    const { id } = await callApi<{ id: number }>(system, '/api/v1/advertisers', {
      method: 'POST',
      body: JSON.stringify({ name: 'With an audience' }),
    });
    const audience = await callApi<{ id: number }>(system, '/api/v1/audiences', {
      method: 'POST',
      body: JSON.stringify({ advertiserId: id, name: 'Buyers' }),
    });
    await callApi(system, `/api/v1/audiences/${audience.id}/users`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: `${sha256(VISITOR)}\n${sha256('somebody-else')}\n`,
    });
    let shown = 0;
    await until(async () => (await show(VISITOR)) && ++shown >= 5, 30_000, 'five impressions of the visitor');
    for (let others = 0; others < 5; ) if (await show(`other-${asked}`)) others++;
    await until(async () => (await totals()).bills === shown + 5, 20_000, 'everything is counted');
    const before = await totals();

    const busy = evenkeel('erase', VISITOR);
    expect([busy.status, busy.stderr]).toEqual([1, expect.stringContaining('store_locked')]);
    await system.reporting.end('SIGTERM');
    const { report, stdout } = evenkeel('erase', VISITOR);
    expect(stdout).not.toContain('somebody');
    expect(report?.audiences).toEqual({ memberships: 1 });
    expect(report?.store.rows).toBeGreaterThanOrEqual(2 * shown);
    expect(report?.log.erased).toBe(report?.store.rows);
    expect(report?.drawn).toMatchObject({ looked: expect.any(Number), keptUntilMs: null });
    expect(evenkeel('erase', VISITOR).report).toMatchObject({
      audiences: { memberships: 0 },
      log: { erased: 0 },
      drawn: { erased: 0 },
      store: { rows: 0 },
    });
    expect(evenkeel('replay').stdout).toContain('faultless');
    expect(evenkeel('erase', VISITOR).report).toMatchObject({ log: { erased: 0 }, store: { rows: 0 } });

    await system.restartReporting();
    expect(await totals()).toEqual(before);
    const kept = await callApi<{ users: number }>(system, `/api/v1/audiences/${audience.id}`);
    expect(kept.users).toBe(1);
  });
});
