export type Json = Record<string, unknown>;

/** One operation of the API: what its description and its generated tests are made from. */
export interface Operation {
  readonly method: 'get' | 'post' | 'patch' | 'put' | 'delete';
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly query?: Readonly<Record<string, Json>>;
  /** Schema name of the body. */
  readonly body?: string;
  /** Media type of the body; JSON unless told. */
  readonly bodyType?: string;
  /** Schema name of the answer; null for 204. */
  readonly answer: string | null;
  readonly status?: number;
  /** Needs If-Match. */
  readonly guarded?: boolean;
  readonly open?: boolean;
}

export const text = (description: string): Json => ({ schema: { type: 'string' }, description });
export const yesNo = (description: string): Json => ({ schema: { type: 'boolean' }, description });
export const integer = (description: string): Json => ({ schema: { type: 'integer' }, description });
export const paging = {
  limit: integer('Items per page, 1–1000; 100 unless told.'),
  cursor: text('`nextCursor` of the page before.'),
};
