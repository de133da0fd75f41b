import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { advertiserSchema, campaignSchema, lineItemSchema } from '../../core/campaign.ts';
import { loggedEventSchema } from '../../core/event.ts';
import { type ForecastMemory, forecastMemorySchema } from '../../core/forecastmemory.ts';
import { type BidToken, readToken, signToken, type TokenKey } from '../../core/token.ts';
import { bidStatsSchema, campaignChangeSchema, pacingMessageSchema } from '../../core/topics.ts';
import { createPacerCore } from '../../pacing/pacercore.ts';
import { pacerDefaults } from '../../pacing/pacerstate.ts';
import { root } from './deployfiles.case.ts';

/**
 * What version 1 wrote, kept as it was: links that are out there and records that are in logs. These files are never
 * regenerated for a released version; a new one is added beside them.
 */
const folder = join(root, 'app', 'ops', 'golden');
const golden = <T>(name: string): T => JSON.parse(readFileSync(join(folder, name), 'utf8')) as T;

const schemas = {
  events: loggedEventSchema,
  campaigns: campaignChangeSchema,
  pacing: pacingMessageSchema,
  bidstats: bidStatsSchema,
  forecasts: forecastMemorySchema,
} as const;

type Node = Readonly<Record<string, unknown>>;

/** What an old record, which lacks new fields, or a reader of it would stumble over. */
function incompatibilities(before: Node, after: Node, path = ''): string[] {
  const found: string[] = [];
  const [oldFields, newFields] = [before.properties as Node | undefined, after.properties as Node | undefined];
  if (oldFields !== undefined && newFields !== undefined) {
    const wasRequired = new Set(before.required as string[] | undefined);
    const isRequired = new Set(after.required as string[] | undefined);
    for (const name of Object.keys(oldFields)) {
      if (!(name in newFields)) found.push(`${path}.${name} was removed: old records are refused`);
      else found.push(...incompatibilities(oldFields[name] as Node, newFields[name] as Node, `${path}.${name}`));
    }
    for (const name of Object.keys(newFields)) {
      if (name in oldFields) {
        if (isRequired.has(name) && !wasRequired.has(name))
          found.push(`${path}.${name} became required: old records are refused`);
      } else if (isRequired.has(name)) found.push(`${path}.${name} is new and required: old records are refused`);
    }
  }
  if (Array.isArray(before.enum) && Array.isArray(after.enum)) {
    for (const value of before.enum) if (!after.enum.includes(value)) found.push(`${path} lost ${String(value)}`);
  }
  for (const key of ['items', 'additionalProperties']) {
    const [old, now] = [before[key], after[key]];
    if (isNode(old) && isNode(now)) found.push(...incompatibilities(old, now, `${path}[]`));
  }
  for (const key of ['anyOf', 'oneOf']) {
    const [old, now] = [before[key], after[key]];
    if (Array.isArray(old) && Array.isArray(now))
      for (const [i, one] of old.entries())
        found.push(...incompatibilities(one as Node, (now[i] ?? {}) as Node, `${path}|${i}`));
  }
  return found;
}

/** Fields that are new, by their paths. */
function additions(before: Node, after: Node, path: string): string[] {
  const [oldFields, newFields] = [before.properties as Node | undefined, after.properties as Node | undefined];
  const own = Object.entries(newFields ?? {}).flatMap(([name, now]) =>
    oldFields === undefined || name in oldFields
      ? additions((oldFields?.[name] ?? {}) as Node, now as Node, `${path}.${name}`)
      : [`${path}.${name}`],
  );
  const inner = ['items', 'additionalProperties'].flatMap((key) => {
    const [old, now] = [before[key], after[key]];
    return isNode(old) && isNode(now) ? additions(old, now, `${path}[]`) : [];
  });
  const choices = ['anyOf', 'oneOf'].flatMap((key) => {
    const [old, now] = [before[key], after[key]];
    if (!Array.isArray(old) || !Array.isArray(now)) return [];
    return now.flatMap((one, i) => additions((old[i] ?? {}) as Node, one as Node, `${path}|${i}`));
  });
  return [...own, ...inner, ...choices];
}

/** The same record with a field from the future in it and in every object of its lists. */
function withNews(record: object): object {
  const entries = Object.entries(record).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.map((one) => (isNode(one) ? withNews(one) : one)) : value,
  ]);
  return { ...Object.fromEntries(entries), ofTomorrow: true };
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
const describeSchemas = (): Record<string, Node> =>
  Object.fromEntries(
    Object.entries(schemas).map(([topic, schema]) => [
      topic,
      z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Node,
    ]),
  );

const key: TokenKey = { id: 7, secret: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex') };

describe('what version 1 wrote', () => {
  it.each(Object.entries(schemas))('in the topic %s is read', (topic, schema) => {
    const records = golden<Record<string, unknown[]>>('records-v1.json')[topic] ?? [];
    expect(records.length).toBeGreaterThan(0);
    for (const record of records) {
      const read = schema.safeParse(record);
      expect(read.success, JSON.stringify(read.error?.issues)).toBe(true);
    }
  });

  it.each(Object.keys(schemas))(
    'in the topic %s still fits the schema: nothing removed, nothing newly required',
    (topic) => {
      const before = golden<Record<string, Node>>('schemas-v1.json')[topic];
      expect(before).toBeDefined();
      expect(incompatibilities(before ?? {}, describeSchemas()[topic] ?? {})).toEqual([]);
    },
  );

  it('of learned traffic is a forecast still: quiet nights, busy days', () => {
    const core = createPacerCore(pacerDefaults);
    core.change({ kind: 'advertiser', entity: advertiserSchema.parse({ id: 1, name: 'A' }) });
    const budget = { dailyMicros: 5_000_000 };
    core.change({ kind: 'campaign', entity: campaignSchema.parse({ id: 10, advertiserId: 1, name: 'C', budget }) });
    const goal = { type: 'cpm', bidCpmMicros: 1_000_000 };
    core.change({ kind: 'line_item', entity: lineItemSchema.parse({ id: 100, campaignId: 10, name: 'L', goal }) });
    const records = golden<{ forecasts: ForecastMemory[] }>('records-v1.json').forecasts;
    for (const record of records) expect(core.recall(record)).toBe(true);
    const nowMs = records[0]!.atMs + 60_000;
    for (const message of core.round(nowMs)) core.acknowledge(message.owner, message.epoch);
    core.round(nowMs + 1000);
    // It was written at noon of a day with a hundred a minute from six on.
    expect(core.status(nowMs)[0]!.eligibleRest / (12 * 60 * 100)).toBeGreaterThan(0.9);
    expect(core.status(nowMs)[0]!.eligibleRest / (12 * 60 * 100)).toBeLessThan(1.1);
  });

  it('in notice links is believed and says the same', () => {
    const tokens = golden<{ text: string; token: BidToken }[]>('tokens-v1.json');
    expect(tokens.length).toBeGreaterThan(1);
    for (const { text, token } of tokens) expect(readToken(text, [key])).toEqual(token);
  });
});

describe('what this version writes', () => {
  it('is read by version 1: tokens have the same bytes', () => {
    for (const { text, token } of golden<{ text: string; token: BidToken }[]>('tokens-v1.json'))
      expect(signToken(token, key)).toBe(text);
  });

  it.each(Object.entries(schemas))(
    'is read by version 1: records of %s, with every default filled in',
    (topic, schema) => {
      const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
      const isVersion1 = ajv.compile(golden<Record<string, Node>>('schemas-v1.json')[topic] ?? {});
      for (const record of golden<Record<string, unknown[]>>('records-v1.json')[topic] ?? []) {
        const written: unknown = JSON.parse(JSON.stringify(schema.parse(record)));
        expect(isVersion1(written), JSON.stringify(isVersion1.errors)).toBe(true);
      }
    },
  );

  it('has no new field in the topics whose readers refuse what they do not know', () => {
    const before = golden<Record<string, Node>>('schemas-v1.json');
    const now = describeSchemas();
    const added = Object.keys(schemas).flatMap((topic) => additions(before[topic] ?? {}, now[topic] ?? {}, topic));
    expect([...new Set(added)].filter((field) => !/^(pacing|bidstats)\b/.test(field))).toEqual([]);
    expect(added, 'new ones are found at all').toContain('bidstats.cells[].presumedNanos');
  });

  it.each(['pacing', 'bidstats'] as const)('of %s is read by who does not know a field of it', (topic) => {
    for (const record of golden<Record<string, object[]>>('records-v1.json')[topic] ?? []) {
      const read = schemas[topic].parse(record);
      expect(schemas[topic].parse(withNews(record))).toEqual(read);
      expect(schemas[topic].safeParse({ ...record, v: 2 }).success, 'a new version is refused').toBe(false);
    }
  });

  it.each(['events', 'campaigns'] as const)('of %s is refused by who does not know all of it', (topic) => {
    for (const record of golden<Record<string, object[]>>('records-v1.json')[topic] ?? [])
      expect(schemas[topic].safeParse(withNews(record)).success).toBe(false);
  });

  it('would be told if it were not', () => {
    const before = z.toJSONSchema(z.strictObject({ v: z.literal(1), a: z.int(), c: z.enum(['x', 'y']) })) as Node;
    const removed = z.toJSONSchema(z.strictObject({ v: z.literal(1), b: z.int(), c: z.enum(['x']) })) as Node;
    expect(incompatibilities(before, removed)).toEqual([
      '.a was removed: old records are refused',
      '.c lost y',
      '.b is new and required: old records are refused',
    ]);
  });
});
