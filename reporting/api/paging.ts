import { z } from 'zod';
import type { ApiContext } from './context.ts';
import { invalidField, invalidInput } from './problem.ts';

const MAX_LIMIT = 1000;

export interface Page<T> {
  readonly items: readonly T[];
  /** Goes into `cursor` for the next page; null on the last. */
  readonly nextCursor: string | null;
}

export interface PageOptions<T> {
  /** Sorts the list and marks where a page ends: text that is different for each item and stays the same. */
  readonly keyOf: (item: T) => string;
  /** From the highest key down. */
  readonly newestFirst?: boolean;
  /** Items of a page unless the caller says how many; 100. */
  readonly limit?: number;
}

/**
 * The page of a list that `limit` and `cursor` of the request ask for. What is added or removed between two pages moves
 * nothing: a cursor says after which key a page begins.
 * @throws Problem invalid_field
 */
export function pageOf<T>(
  c: ApiContext,
  all: Iterable<T>,
  { keyOf, newestFirst, limit = 100 }: PageOptions<T>,
): Page<T> {
  const parsed = z
    .object({
      limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(limit),
      cursor: z.string().max(400).optional(),
    })
    .safeParse({ limit: c.req.query('limit'), cursor: c.req.query('cursor') });
  if (!parsed.success) throw invalidInput(parsed.error);
  const after = parsed.data.cursor === undefined ? null : keyIn(parsed.data.cursor);
  const sign = newestFirst === true ? -1 : 1;
  const order = (a: string, b: string): number => (a === b ? 0 : sign * (a < b ? -1 : 1));
  const left = [...all]
    .map((item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => after === null || order(key, after) > 0)
    .sort((a, b) => order(a.key, b.key));
  const shown = left.slice(0, parsed.data.limit);
  const nextCursor = left.length > shown.length ? Buffer.from(shown.at(-1)!.key, 'utf8').toString('base64url') : null;
  return { items: shown.map(({ item }) => item), nextCursor };
}

function keyIn(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString('utf8');
  if (Buffer.from(key, 'utf8').toString('base64url') === cursor) return key;
  throw invalidField('cursor', 'is not a cursor of this list');
}

/** Keys of ids and times: text that sorts as the number does. */
export const sortable = (number: number): string => String(Math.trunc(number)).padStart(16, '0');

/**
 * Filters of a list from the query string.
 * @throws Problem invalid_field
 */
export function filtersOf<T extends z.ZodType>(c: ApiContext, schema: T): z.infer<T> {
  const parsed = schema.safeParse(c.req.query());
  if (!parsed.success) throw invalidInput(parsed.error);
  return parsed.data;
}

/** Whether a name contains a text, in any case; no text is in every name. */
export function named(name: string, part: string | undefined): boolean {
  return part === undefined || name.toLowerCase().includes(part.toLowerCase());
}

/** Filters that several lists know. */
export const advertiserFilter = z.coerce.number().int().optional();
export const nameFilter = z.string().max(200).optional();
export const yesNo = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .optional();
