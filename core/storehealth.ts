import { z } from 'zod';

/** How the store of reports is doing, for operators. */
export const storeHealthSchema = z.strictObject({
  /** ClickHouse's version. */
  version: z.string(),
  /** How long the question for this took, ms. */
  answeredMs: z.number(),
  /** The latest report queries of this process (256 at most): how many, and how long they took, ms. */
  queries: z.strictObject({
    count: z.int(),
    p50Ms: z.number().nullable(),
    p95Ms: z.number().nullable(),
    maxMs: z.number().nullable(),
  }),
  /** Statements that failed since this process started, and the last of them. */
  errors: z.int(),
  lastError: z.strictObject({ atMs: z.int(), code: z.string(), message: z.string() }).nullable(),
  tables: z.array(
    z.strictObject({
      table: z.string(),
      rows: z.int(),
      /** Files on disk, and the most in one day: merges fall behind when that grows. */
      parts: z.int(),
      mostPartsOfADay: z.int(),
      bytes: z.int(),
      /** When the newest of them was written by an insert, or by a merge when those are gone; null for an empty table. */
      lastInsertMs: z.int().nullable(),
    }),
  ),
  /** Days of the log whose sums reports may be read from. */
  daysSummedUp: z.int(),
  diskFreeBytes: z.int(),
  diskBytes: z.int(),
});
export type StoreHealth = z.infer<typeof storeHealthSchema>;
