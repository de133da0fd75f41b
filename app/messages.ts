import { z } from 'zod';

/** What a role tells the supervisor that started it, over the process's IPC channel. */
export const roleMessageSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('ready'),
    /** Addresses people use, by name. */
    urls: z.record(z.string(), z.string()),
    /** Further lines worth printing, such as a fallback in use. */
    notes: z.array(z.string()).default([]),
  }),
  z.strictObject({ kind: z.literal('status'), numbers: z.record(z.string(), z.number()) }),
  /** Somebody asked for a reload through the API: every role that the supervisor runs. */
  z.strictObject({ kind: z.literal('reload') }),
  z.strictObject({ kind: z.literal('failed'), code: z.string(), line: z.string() }),
]);
export type RoleMessage = z.infer<typeof roleMessageSchema>;

/** Sends to the supervisor; without one (a role run by hand) nothing happens. */
export function tellSupervisor(message: RoleMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
