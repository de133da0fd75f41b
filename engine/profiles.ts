import { z } from 'zod';
import { CodedError } from '../core/errors.ts';
import { billingEvents } from '../core/token.ts';
import { defaultProfile, type ExchangeProfile } from './config.ts';

const base64url = z.string().regex(/^[A-Za-z0-9_-]{16,}={0,2}$/, 'must be a key in base64url');

/** An exchange profile as it stands in the configuration; everything has a default. */
export const exchangeProfileSchema = z.strictObject({
  seat: z.string().max(64).default(defaultProfile.seat),
  billingEvent: z.enum(billingEvents).default(defaultProfile.billingEvent),
  price: z
    .discriminatedUnion('scheme', [
      z.strictObject({ scheme: z.literal('plain') }),
      z.strictObject({ scheme: z.literal('base64') }),
      z.strictObject({ scheme: z.literal('google'), encryptionKey: base64url, integrityKey: base64url }),
    ])
    .default({ scheme: 'plain' }),
  auctionType: z.union([z.literal(1), z.literal(2)]).default(defaultProfile.auctionType),
  noBid: z.enum(['empty', 'nbr']).default(defaultProfile.noBid),
  gzip: z.boolean().default(defaultProfile.gzip),
  qpsLimit: z.int().min(0).max(10_000_000).default(defaultProfile.qpsLimit),
  roundTripMs: z.int().min(0).max(10_000).default(defaultProfile.roundTripMs),
  defaultTmaxMs: z.int().min(1).max(60_000).default(defaultProfile.defaultTmaxMs),
  media: z
    .array(z.enum(['banner', 'video', 'audio', 'native']))
    .min(1)
    .default([...defaultProfile.media]),
  clickMacro: z.string().max(200).default(defaultProfile.clickMacro),
  clickMacroEncodes: z.boolean().default(defaultProfile.clickMacroEncodes),
  expirySeconds: z.int().min(1).max(86_400).default(defaultProfile.expirySeconds),
  oneAdPerAdvertiser: z.boolean().default(defaultProfile.oneAdPerAdvertiser),
  requireSupplyChain: z.boolean().default(defaultProfile.requireSupplyChain),
});

const profileName = /^[A-Za-z0-9_.-]{1,32}$/;

/** Everything that is wrong with the profiles of a configuration: profile, field, and why. */
export function profileFaults(configured: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(configured).flatMap(([name, value]) => {
    const issues = exchangeProfileSchema.safeParse(value).error?.issues ?? [];
    const faults = issues.map(({ path, message }) => `${[name, ...path].join('.')}: ${message}`);
    return profileName.test(name)
      ? faults
      : [`${name}: the name must be 1 to 32 letters, digits, dots, dashes`, ...faults];
  });
}

/**
 * Reads the profiles of a configuration, by name; `demo` is always there.
 * @throws CodedError `bad_exchange_profile` that names every profile and field at fault
 */
export function readExchangeProfiles(configured: Readonly<Record<string, unknown>>): readonly ExchangeProfile[] {
  const faults = profileFaults(configured);
  if (faults.length > 0) throw unusable(faults);
  const profiles = Object.entries(configured).map(
    ([name, value]): ExchangeProfile => ({ name, ...exchangeProfileSchema.parse(value) }),
  );
  return profiles.some(({ name }) => name === 'demo') ? profiles : [defaultProfile, ...profiles];
}

function unusable(faults: readonly string[]): CodedError {
  const remedy = 'Correct the setting `exchanges`; its fields are in docs/exchange.md.';
  return new CodedError('bad_exchange_profile', `Exchange profiles can not be used: ${faults.join('; ')}.`, remedy);
}
