import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { advertiserSchema, campaignSchema, creativeSchema, lineItemSchema } from '../../core/campaign.ts';
import { type NoBidReason, noBidReasonList } from '../../core/reasons.ts';
import { Auction, type Tally } from '../auction/auction.ts';
import type { BudgetGate } from '../auction/gate.ts';
import { blankInsight, type Insight } from '../auction/insight.ts';
import { Catalog } from '../catalog/catalog.ts';
import { defaultProfile, type ExchangeProfile } from '../config.ts';
import { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import { createCapPlan } from '../users/caps.ts';
import { createPersonReader } from '../users/person.ts';
import { addEvidence, LEVEL, type Outcome } from '../value/evidence.ts';

const entities = z.record(z.string().regex(/^\d+$/), z.record(z.string(), z.unknown()));
const json = z.record(z.string(), z.unknown());
const reason = z.enum(noBidReasonList as [NoBidReason, ...NoBidReason[]]);
const caseSchema = z.strictObject({
  name: z.string(),
  now: z.string().optional(),
  request: json.default({}),
  inventory: json.default({}),
  exchange: json.default({}),
  currencies: z.record(z.string(), z.number()).default({ USD: 1 }),
  stop: z.array(z.string()).default([]),
  /** Creatives this user has seen just now, and how often. */
  seen: z.record(z.string().regex(/^\d+$/), z.int()).default({}),
  /** Uploaded audiences this user is in. */
  audiences: z.array(z.int()).default([]),
  privacy: z.enum(['contextual', 'no_bid']).default('contextual'),
  /** What was learned of a creative, and of everything. */
  learned: z
    .record(
      z.string().regex(/^\d+$|^all$/),
      z.strictObject({ impressions: z.int(), clicks: z.int().default(0), conversions: z.int().default(0) }),
    )
    .default({}),
  /** The share of its value that shading has learned to offer everywhere. */
  shade: z.number().optional(),
  pacing: z
    .record(
      z.string(),
      z.strictObject({ multiplier: z.number().default(1), pass: z.number().default(1), credit: z.number().default(1e15) }),
    )
    .default({}),
  expect: z.strictObject({
    bids: z
      .array(
        z.strictObject({
          imp: z.string(),
          lineItem: z.int(),
          creative: z.int(),
          cpm: z.number(),
          deal: z.string().optional(),
          form: z.string().optional(),
        }),
      )
      .optional(),
    currency: z.string().optional(),
    noBid: reason.optional(),
    refused: z.record(z.string(), reason).default({}),
  }),
});
const fileSchema = z.strictObject({
  about: z.string(),
  inventory: z.strictObject({
    advertisers: entities,
    campaigns: entities,
    lineItems: entities,
    creatives: entities,
  }),
  request: json,
  cases: z.array(caseSchema),
});
type Case = z.infer<typeof caseSchema>;

/** RFC 7386: objects are merged, null removes, anything else replaces. */
function merged(into: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const base = typeof into === 'object' && into !== null && !Array.isArray(into) ? into : {};
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

function catalogOf(inventory: unknown, stops: readonly string[]): { catalog: Catalog; lineIds: number[] } {
  const found = fileSchema.shape.inventory.parse(inventory);
  const catalog = new Catalog(() => 'https://bid.example');
  const named = (kind: string, id: string, fields: object) => ({ id: Number(id), name: `${kind} ${id}`, ...fields });
  for (const [id, fields] of Object.entries(found.advertisers)) {
    const entity = advertiserSchema.parse(named('Advertiser', id, fields));
    catalog.apply({ change: { kind: 'advertiser', entity }, slot: -1 });
  }
  for (const [id, fields] of Object.entries(found.campaigns)) {
    const entity = campaignSchema.parse(named('Campaign', id, fields));
    catalog.apply({ change: { kind: 'campaign', entity }, slot: -1 });
  }
  const lineIds = Object.keys(found.lineItems).map(Number);
  lineIds.forEach((id, slot) => {
    const entity = lineItemSchema.parse(named('Line item', String(id), found.lineItems[id]!));
    catalog.apply({ change: { kind: 'line_item', entity }, slot });
  });
  for (const [id, fields] of Object.entries(found.creatives)) {
    const entity = creativeSchema.parse(named('Creative', id, fields));
    catalog.apply({ change: { kind: 'creative', entity }, slot: -1 });
  }
  for (const scope of stops) {
    catalog.apply({ change: { kind: 'switch', entity: { scope, on: true, reason: 'golden' } }, slot: -1 });
  }
  return { catalog, lineIds };
}

/** Budgets as a case describes them; a line item that is not named may always bid. */
function gateOf(pacing: Case['pacing'], lineIds: readonly number[]): BudgetGate {
  const credit = new Map(Object.entries(pacing).map(([id, entry]) => [Number(id), entry.credit]));
  let line = 0;
  const of = () => pacing[line];
  return {
    load(slot) {
      line = lineIds[slot]!;
      return true;
    },
    get multiplierPpm() {
      return Math.round((of()?.multiplier ?? 1) * 1_000_000);
    },
    get passPpm() {
      return Math.round((of()?.pass ?? 1) * 1_000_000);
    },
    get highestMultiplierPpm() {
      return Math.max(1_000_000, ...Object.values(pacing).map(({ multiplier }) => Math.round(multiplier * 1_000_000)));
    },
    covers: (nanos) => (credit.get(line) ?? Infinity) >= nanos,
    take(nanos) {
      const left = credit.get(line) ?? Infinity;
      if (left < nanos) return false;
      credit.set(line, left - nanos);
      return true;
    },
    undo(nanos) {
      credit.set(line, (credit.get(line) ?? Infinity) + nanos);
    },
  };
}

/** What a case says of the user, of rates and of prices. */
function insightOf(entry: Case, catalog: Catalog, scan: RequestScan, exchange: string): Insight {
  const people = createPersonReader({
    privacy: { vendor: { vendorId: 12, legitimateInterestPurposes: [2, 7, 9, 10], flexiblePurposes: [] }, withoutBasis: entry.privacy },
    userSalt: 'the salt of golden auctions',
    fingerprint: false,
    audiences: {
      audiencesOf(_hi, _lo, out) {
        out.set(entry.audiences);
        return entry.audiences.length;
      },
      refresh: () => {},
      close: async () => {},
    },
  });
  const insight = { ...blankInsight(), people };
  const plan = createCapPlan();
  for (const line of catalog.lines()) plan.set(line.item);
  const { user, known } = people.read(scan, exchange);
  for (const [id, times] of Object.entries(entry.seen)) {
    const creativeId = Number(id);
    const line = catalog.lines().find(({ creatives }) => creatives.some((creative) => creative.id === creativeId));
    if (line === undefined || !known) continue;
    const shown = { campaignId: line.campaign.id, lineItemId: line.item.id, creativeId };
    for (let i = 0; i < times; i++) plan.count(insight.caps, user, shown, nowOf(entry) / 1000);
  }
  for (const [id, outcomes] of Object.entries(entry.learned)) {
    const level = id === 'all' ? LEVEL.all : LEVEL.creative;
    for (const [outcome, times] of Object.entries(outcomes)) {
      for (let i = 0; i < times; i++) addEvidence(insight.evidence, level, Number(id) || 0, 0, outcome as Outcome);
    }
  }
  if (entry.shade !== undefined) insight.shading.offers.fill(entry.shade * 1_000_000);
  return insight;
}

const nowOf = (entry: Case): number => Date.parse(entry.now ?? '2026-11-20T12:00:00Z');

function run(file: z.infer<typeof fileSchema>, entry: Case) {
  const { catalog, lineIds } = catalogOf(merged(file.inventory, entry.inventory), entry.stop);
  const refused: Record<string, NoBidReason> = {};
  const tally: Tally = {
    matched: () => {},
      weigh: () => {},
    bid: () => {},
    refused: (line, why) => {
      refused[line.item.id] = why;
    },
  };
  const rates = new Map(Object.entries(entry.currencies));
  const bytes = Buffer.from(JSON.stringify(merged(file.request, entry.request)));
  const body = Buffer.alloc(bytes.length + 1);
  bytes.copy(body);
  const scan = new RequestScan();
  expect(scan.scan(body, bytes.length)).toBeNull();
  const profile = { ...defaultProfile, ...entry.exchange } as ExchangeProfile;
  const insight = insightOf(entry, catalog, scan, profile.name);
  const auction = new Auction(catalog, gateOf(entry.pacing, lineIds), tally, rates, insight, 1000);
  const decision = auction.run(scan, profile, nowOf(entry), () => true);
  return { scan, decision, refused };
}

const folder = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name, ...fileSchema.parse(JSON.parse(readFileSync(folder + name, 'utf8'))) }));

describe('golden auctions', () => {
  it('are at least sixty, each with a name of its own', () => {
    const names = files.flatMap(({ name, cases }) => cases.map((entry) => `${name}: ${entry.name}`));
    expect(names.length).toBeGreaterThanOrEqual(60);
    expect(new Set(names).size).toBe(names.length);
  });

  for (const file of files) {
    describe(file.name.replace('.json', ''), () => {
      it.each(file.cases.map((entry) => [entry.name, entry] as const))('%s', (_, entry) => {
        const first = run(file, entry);
        const { decision, scan } = first;
        const bids = decision.bids.map((bid) => ({
          imp: scan.text(bid.impNode, shapes.IMP.f.id),
          lineItem: bid.line.item.id,
          creative: bid.creative.id,
          cpm: Number(bid.cpm),
          ...(bid.dealId === '' ? {} : { deal: bid.dealId }),
          ...(bid.variant === '' ? {} : { form: bid.variant }),
        }));
        expect({ bids, noBid: decision.reason }).toEqual({
          bids: entry.expect.bids ?? [],
          noBid: entry.expect.noBid ?? null,
        });
        if (entry.expect.currency !== undefined) expect(decision.currency).toBe(entry.expect.currency);
        expect(first.refused).toMatchObject(entry.expect.refused);
        // Deterministic: once more gives the same.
        expect(run(file, entry).refused).toEqual(first.refused);
      });
    });
  }
});
