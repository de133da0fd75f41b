import { z } from 'zod';
import { queryValue } from './query.ts';

const claimSchema = z.object({
  /** The click's token. */
  click: z.string().max(900).default(''),
  advertiser: z.coerce.number().int().min(0).max(2147483647).default(0),
  /** The user hash of tokens. */
  user: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .or(z.literal(''))
    .default(''),
  order: z.coerce.string().max(128).default(''),
  /** In units of currency. */
  value: z.coerce.number().min(0).max(1_000_000_000).default(0),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .or(z.literal(''))
    .default(''),
  type: z.string().max(64).default(''),
});

export interface ConversionClaim {
  readonly clickId: string;
  readonly advertiserId: number;
  readonly user: string;
  readonly orderId: string;
  readonly valueMicros: number;
  readonly currency: string;
  readonly type: string;
}
export type ConversionFault = 'conversion_malformed' | 'conversion_without_subject';

/** Reads a conversion from a JSON body, or from the query when there is none. */
export function readConversion(query: string, body: Buffer): ConversionClaim | ConversionFault {
  const parsed = claimSchema.safeParse(body.length > 0 ? parseJson(body) : fromQuery(query));
  if (!parsed.success) return 'conversion_malformed';
  const { click, advertiser, user, order, value, currency, type } = parsed.data;
  if (click === '' && (advertiser === 0 || (user === '' && order === ''))) return 'conversion_without_subject';
  return {
    clickId: click,
    advertiserId: advertiser,
    user,
    orderId: order,
    valueMicros: Math.round(value * 1_000_000),
    currency,
    type,
  };
}

function fromQuery(query: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of Object.keys(claimSchema.shape)) {
    const value = queryValue(query, name);
    if (value !== null) found[name] = value;
  }
  return found;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
