import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { createPrivacyGate, defaultVendor, type PrivacySignals } from '../privacy/decision.ts';
import { createUserHasher } from '../privacy/userhash.ts';
import { createAudienceReader } from '../users/audiencereader.ts';
import { createAudienceStore } from '../users/audiences.ts';
import { compileCaps, createCapPlan, isLineCapped } from '../users/caps.ts';
import { createCapTable } from '../users/captable.ts';
import { addEvidence, createEvidence, LEVEL } from '../value/evidence.ts';
import { creativeMerit, type Offer, valueNanos } from '../value/goal.ts';
import { hashName } from '../value/learner.ts';
import { createMarketLearner } from '../value/market.ts';
import { createShadingTable, exchangeRow, marketRow, noteBid, shadePrice } from '../value/shading.ts';

/** Nanoseconds of processor time of one call: the least of five rounds, which is the closest to undisturbed. */
export interface Measured {
  readonly name: string;
  readonly nanos: number;
}

const CALLS = 100_000;
const userSalt = 'the salt of the benchmark';
const CONSENT =
  'CO-X2XiO_eyUoAsAxBFRBECsAP_AAH_AAAqIGMgB7CpERSNAYWApAOMAKYhfQAACAGAABAYIASgBQQBAMJQEkGAIMAjAAAAKAAAEACQAAAAgCAGAAAA' +
  'AAAAAAQCMAAAAABAAACAAAAASAAAACAAACACSCAAQjAAAAAEAgAAAAAIF5wJwAFgAPAAqABcADIAHAAQAAqABiADQAHkARABFACeAFKALgAugBiADaAG8';

/** Measures what privacy, users and value cost on the bid path. @param users in the audience that is looked up */
export async function measureInsight(clock: Clock, users: number): Promise<Measured[]> {
  const time = (name: string, call: (i: number) => unknown, calls = CALLS): Measured => {
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round++) {
      const started = process.cpuUsage();
      for (let i = 0; i < calls; i++) call(i);
      const { user, system } = process.cpuUsage(started);
      least = Math.min(least, user + system);
    }
    return { name, nanos: Math.round((least * 1e3) / calls) };
  };
  return [...measurePrivacy(time), ...(await measureUsers(time, clock, users)), ...measureValue(time)];
}

type Time = (name: string, call: (i: number) => unknown, calls?: number) => Measured;

function measurePrivacy(time: Time): Measured[] {
  const silent: PrivacySignals = {
    coppa: false,
    lmt: false,
    dnt: false,
    gdpr: -1,
    consent: '',
    usPrivacy: '',
    gpp: '',
    gppSids: [],
    country: 'USA',
  };
  const vendor = { ...defaultVendor, vendorId: 12 };
  const gate = createPrivacyGate({ vendor });
  const remembered = { ...silent, gdpr: 1, consent: CONSENT };
  // A character of the creation time makes it another string.
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const others = Array.from(letters.repeat(64), (letter, i) => `CO-X${letters[i >> 6]}${letter}${CONSENT.slice(6)}`);
  const forgetful = createPrivacyGate({ vendor, cacheEntries: 2 });
  return [
    time('privacy: nothing said', () => gate.decide(silent)),
    time('privacy: a TC string seen before', () => gate.decide(remembered)),
    time(
      'privacy: a TC string never seen',
      (i) => forgetful.decide({ ...remembered, consent: others[i & 4095]! }),
      20_000,
    ),
    time('privacy: US privacy string', () => gate.decide({ ...silent, usPrivacy: '1YNN' })),
  ];
}

async function measureUsers(time: Time, clock: Clock, users: number): Promise<Measured[]> {
  const path = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'));
  const store = createAudienceStore({ path, userSalt, clock });
  const hasher = createUserHasher(userSalt);
  const user = new Uint32Array(2);
  const id = (i: number) => `6d92078a-8246-4ba4-ae5b-${(i % (2 * users)).toString(16).padStart(12, '0')}`;
  const ids = Array.from({ length: 4096 }, (_, i) => id(i * 37));
  await store.save({ id: 1, advertiserId: 1, name: 'benchmark', status: 'active', version: 1, updatedMs: 0 });
  async function* lines(): AsyncGenerator<Uint8Array> {
    for (let from = 0; from < users; from += 1000) {
      const hashes = Array.from({ length: Math.min(1000, users - from) }, (_, i) =>
        createHash('sha256')
          .update(id(from + i))
          .digest('hex'),
      );
      yield Buffer.from(`${hashes.join('\n')}\n`);
    }
  }
  const { durationMs } = await store.upload(1, 'add', lines());
  const reader = createAudienceReader({ path });
  const out = new Uint32Array(8);
  const hashed = ids.map((text) => {
    hasher.hashId(text, user);
    return [user[0]!, user[1]!] as const;
  });
  const measured = [
    {
      name: `audience: upload of ${users.toLocaleString('en')} users, each, by the clock`,
      nanos: Math.round((durationMs * 1e6) / users),
    },
    time('user: hash of an id', (i) => hasher.hashId(ids[i & 4095]!, user)),
    time('audience: of one user', (i) => reader.audiencesOf(...hashed[i & 4095]!, out)),
    ...measureCaps(time, user),
  ];
  await reader.close();
  await store.close();
  rmSync(path, { recursive: true });
  return measured;
}

function measureCaps(time: Time, user: Uint32Array): Measured[] {
  const item = {
    id: 100,
    campaignId: 10,
    frequencyCaps: [{ scope: 'line_item', impressions: 3, per: 'day' }] as const,
  } as unknown as Parameters<typeof compileCaps>[0];
  const caps = compileCaps(item)!;
  const table = createCapTable(131_072);
  const plan = createCapPlan();
  plan.set(item);
  const shown = { campaignId: 10, lineItemId: 100, creativeId: 1000 };
  const none = { line: 0, campaign: 0 };
  return [
    time('cap: count an impression', (i) => {
      user[0] = i;
      plan.count(table, user, shown, 1_700_000_000);
    }),
    time('cap: ask one cap', (i) => {
      user[0] = i;
      return isLineCapped(table, caps, user, null, item, none, 1_700_000_000);
    }),
  ];
}

function measureValue(time: Time): Measured[] {
  const evidence = createEvidence(16_384);
  const domains = Array.from({ length: 1024 }, (_, i) => hashName(`site${i}.example`));
  for (let i = 0; i < 100_000; i++) {
    addEvidence(evidence, LEVEL.lineItem, i % 1000, 0, 'impressions');
    addEvidence(evidence, LEVEL.creative, i % 4000, 0, 'impressions');
    addEvidence(evidence, LEVEL.creativeOnDomain, i % 4000, domains[i & 1023]!, 'impressions');
  }
  const offerOf = (lineItemId: number): Offer => ({
    goal: { type: 'cpc', targetMicros: 500_000, maxCpmMicros: 20_000_000 },
    exploration: true,
    lineItemId,
  });
  const offers = Array.from({ length: 1000 }, (_, i) => offerOf(i));
  const shading = createShadingTable(1024);
  const market = createMarketLearner(shading);
  const [exchange, row] = [exchangeRow(1), marketRow(shading, 1, 2, 1)];
  for (let i = 0; i < 4000; i++) {
    const bid = 500_000 + ((i * 7919) % 3_000_000);
    noteBid(shading, exchange, row, bid);
    if (i % 3 === 0) market.won(row, bid, null);
  }
  market.publish(2000);
  return [
    time('value: of a CPC line item', (i) => valueNanos(evidence, offers[i % 1000]!, i % 4000, domains[i & 1023]!)),
    time('value: merit of a creative', (i) => creativeMerit(evidence, offers[i % 1000]!, i % 4000, i)),
    time('price: shade', (i) => shadePrice(shading, exchange, row, 1_000_000 + i, 0, i)),
    time('price: note a bid', (i) => noteBid(shading, exchange, row, 1_000_000 + i)),
    time(
      'market: look at 1,088 rows, work out two',
      () => {
        noteBid(shading, exchange, row, 1_000_000);
        return market.publish(shading.rows);
      },
      20,
    ),
  ];
}

/** Prints the measurements, one a line. */
export async function printInsight(clock: Clock, users: number, print: (line: string) => void): Promise<void> {
  for (const { name, nanos } of await measureInsight(clock, users)) print(`${String(nanos).padStart(8)} ns  ${name}`);
}
