import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, expect, it } from 'vitest';
import type { Clock } from '../core/clock.ts';
import { loggedEventSchema } from '../core/event.ts';
import { seededRandom } from '../core/random.ts';
import { bidToken } from '../reporting/ingest/truth.case.ts';
import { configuredScorer } from './traffic.ts';

const dir = mkdtempSync(join(tmpdir(), 'evenkeel-traffic-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const logger = pino({ level: 'silent' });
const AT_MS = 1_800_000_000_000;
const token = { ...bidToken(seededRandom(1), 1, 1, AT_MS), country: 'DEU', os: '' };

it('refuses by the operator’s lists, and by what they say after a change', () => {
  const [badAgentsFile, ipCountriesFile] = [join(dir, 'agents.txt'), join(dir, 'countries.csv')];
  writeFileSync(badAgentsFile, '# ours\nOurCloud/\\d\n(broken\n');
  writeFileSync(ipCountriesFile, '192.0.2.0,192.0.2.255,DE\n198.51.100.0,198.51.100.255,US\n');
  let nowMs = 0;
  const clock: Clock = { nowMs: () => AT_MS, monotonicMs: () => nowMs };
  const scorer = configuredScorer({ badAgentsFile, ipCountriesFile }, { clock, logger });
  const judge = (ua: string, ip: string) =>
    scorer.judge(loggedEventSchema.parse({ v: 1, type: 'impression', token: 't', atMs: AT_MS, ua, ip }), token, {
      shown: () => true,
    });
  const browser = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';
  expect(judge(`${browser} ourcloud/7`, '192.0.2.1')).toBe('datacenter_agent');
  expect(judge(browser, '198.51.100.1')).toBe('geo_mismatch');
  expect(judge(`${browser} Theirs`, '192.0.2.1')).toBeNull();
  writeFileSync(badAgentsFile, 'theirs\n');
  utimesSync(badAgentsFile, 1, 1);
  expect(judge(`${browser} Theirs`, '192.0.2.1'), 'not looked at yet').toBeNull();
  nowMs += 61_000;
  expect(judge(`${browser} Theirs`, '192.0.2.1')).toBe('datacenter_agent');
  rmSync(badAgentsFile);
  nowMs += 61_000;
  expect(judge(`${browser} Theirs`, '192.0.2.1'), 'the last list stays').toBe('datacenter_agent');
});

it('does not start without a list that is configured', () => {
  const clock: Clock = { nowMs: () => AT_MS, monotonicMs: () => 0 };
  const lists = { badAgentsFile: join(dir, 'nowhere'), ipCountriesFile: '' };
  expect(() => configuredScorer(lists, { clock, logger })).toThrow(expect.objectContaining({ code: 'config.invalid' }));
});
