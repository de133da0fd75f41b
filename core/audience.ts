import { z } from 'zod';
import { entityId, statusSchema } from './campaign.ts';

/**
 * A first-party list of users. Line items name it by its id in the `segment` dimension. What is uploaded are hashes;
 * a raw user id never enters the store.
 */
export const audienceSchema = z.strictObject({
  id: entityId,
  advertiserId: entityId,
  name: z.string().trim().min(1).max(200),
  /** Only an active audience is matched. */
  status: statusSchema.default('active'),
  version: z.int().min(1).default(1),
  updatedMs: z.int().min(0).default(0),
});
export type Audience = z.infer<typeof audienceSchema>;

/** How the lines of an upload change the audience. `replace` empties it first, in the same instant for readers. */
export const audienceUploadModes = ['add', 'remove', 'replace'] as const;
export type AudienceUploadMode = (typeof audienceUploadModes)[number];

export const audienceLineFaults = ['not_a_hash', 'line_too_long'] as const;
export type AudienceLineFault = (typeof audienceLineFaults)[number];

/** What became of one upload: `lines = accepted + rejected + empty`. */
export const audienceUploadSchema = z.strictObject({
  audienceId: entityId,
  mode: z.enum(audienceUploadModes),
  /** Lines read, a header line and empty lines included. */
  lines: z.int().min(0),
  /** Lines that hold a user hash; a hash given twice counts twice here and once in `users`. */
  accepted: z.int().min(0),
  rejected: z.int().min(0),
  /** Empty lines, comments (`#`) and the header. */
  empty: z.int().min(0),
  /** The first rejected lines, numbered from 1; bounded, `rejected` is the full count. */
  rejections: z.array(z.strictObject({ line: z.int().min(1), why: z.enum(audienceLineFaults) })).max(1000),
  /** Users in the audience after the upload. */
  users: z.int().min(0),
  durationMs: z.int().min(0),
});
export type AudienceUpload = z.infer<typeof audienceUploadSchema>;

export interface AudienceEntry {
  readonly audience: Audience;
  /** Users in it now. */
  readonly users: number;
  /** Until when all of them are found: the salt of user hashes changes, and then only later uploads are. null: for ever. */
  readonly matchedUntilMs: number | null;
}

/**
 * Where audiences live: written by the API, read by bidders of the same machine through a reader of their own.
 * Lines are CSV or plain text, one user a line in the first column: SHA-256 of the lower-cased device or exchange user
 * id as 64 hex digits, or 16 hex digits as this system's own user hash appears in exports.
 */
export interface AudienceStore {
  list(): readonly AudienceEntry[];
  get(id: number): AudienceEntry | null;
  /** Creates it or changes its name, status and version; its users stay. Resolves when it is durable. */
  save(audience: Audience): Promise<void>;
  /** Forgets the audience and all its users. Resolves when it is durable; false when it was not there. */
  remove(id: number): Promise<boolean>;
  /**
   * Reads an upload as a stream, in bounded memory. Uploads run one after another. When the stream fails or is aborted
   * part of its lines may have been applied in mode `add` and `remove`; `replace` then leaves the audience as it was.
   * @throws CodedError `audience_unknown`, `audience_upload_busy` (too many waiting), `audience_upload_broken`
   */
  upload(id: number, mode: AudienceUploadMode, body: AsyncIterable<Uint8Array>): Promise<AudienceUpload>;
  /** Empties the audiences none of whose users can be found any more, because the salt has turned twice. @returns how many */
  expire(): Promise<number>;
  close(): Promise<void>;
}
