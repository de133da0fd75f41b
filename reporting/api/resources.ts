import type { z } from 'zod';
import { advertiserSchema, campaignSchema, creativeSchema, lineItemSchema } from '../../core/campaign.ts';
import { MAX_ENTITY_ID } from '../../core/ids.ts';
import type { Random } from '../../core/random.ts';
import type { CampaignChange } from '../../core/topics.ts';
import type { Directory, Entities, EntityKind } from './directory.ts';
import { invalidInput } from './problem.ts';

/** The four kinds of entity as REST resources. `parent` is the field that names the entity above. */
export const resources = {
  advertiser: { path: 'advertisers', schema: advertiserSchema, parent: null },
  campaign: { path: 'campaigns', schema: campaignSchema, parent: { field: 'advertiserId', kind: 'advertiser' } },
  line_item: { path: 'line-items', schema: lineItemSchema, parent: { field: 'campaignId', kind: 'campaign' } },
  creative: { path: 'creatives', schema: creativeSchema, parent: { field: 'lineItemId', kind: 'line_item' } },
} as const satisfies Record<EntityKind, ResourceDefinition>;

interface ResourceDefinition {
  readonly path: string;
  readonly schema: z.ZodType;
  readonly parent: { readonly field: string; readonly kind: Exclude<EntityKind, 'creative'> } | null;
}

/** Ids from here on are drawn by the API; smaller ones are left to seeds and imports. */
const FIRST_DRAWN_ID = 1_000_000;

/**
 * A new id, drawn at random: it tells nothing about how many entities other tenants have, and two API processes do
 * not draw the same one.
 */
export function newId(directory: Directory, kind: EntityKind, random: Random, taken: ReadonlySet<number>): number {
  for (;;) {
    const id = FIRST_DRAWN_ID + (random.nextUint32() % (MAX_ENTITY_ID - FIRST_DRAWN_ID));
    if (directory.get(kind, id) === undefined && !taken.has(id)) return id;
  }
}

/** A new audience id, drawn in the same way. */
export function newAudienceId(isTaken: (id: number) => boolean, random: Random): number {
  for (;;) {
    const id = FIRST_DRAWN_ID + (random.nextUint32() % (MAX_ENTITY_ID - FIRST_DRAWN_ID));
    if (!isTaken(id)) return id;
  }
}

/** Validates and completes an entity. What the server owns replaces what the body says. @throws Problem invalid_field */
export function parseEntity<K extends EntityKind>(
  kind: K,
  body: Readonly<Record<string, unknown>>,
  owned: Readonly<Record<string, unknown>> & { id: number; version: number; updatedMs: number },
  prefix = '',
): Entities[K] {
  const parsed = resources[kind].schema.safeParse({ ...body, ...owned });
  if (!parsed.success) throw invalidInput(parsed.error, prefix);
  return parsed.data as Entities[K];
}

/** A change record for one entity. */
export function changeOf<K extends EntityKind>(kind: K, entity: Entities[K]): CampaignChange {
  return { kind, entity } as unknown as CampaignChange;
}

/** JSON merge patch (RFC 7396): null removes a field, so that its default applies; objects merge; the rest replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const base = typeof target === 'object' && target !== null && !Array.isArray(target) ? target : {};
  const merged = new Map<string, unknown>(Object.entries(base));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

/** The entity tag of a version. */
export function etagOf(entity: { readonly version: number }): string {
  return `"v${entity.version}"`;
}
