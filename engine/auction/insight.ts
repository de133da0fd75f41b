import { defaultVendor } from '../privacy/decision.ts';
import { type CapTable, createCapTable } from '../users/captable.ts';
import { createPersonReader, type PersonReader } from '../users/person.ts';
import { createEvidence, type Evidence } from '../value/evidence.ts';
import { createShadingTable, type ShadingTable } from '../value/shading.ts';

/** What an auction knows beyond request and campaigns: of people, of rates, of prices. Shared by all threads, learned by one. */
export interface Learned {
  readonly caps: CapTable;
  readonly evidence: Evidence;
  readonly shading: ShadingTable;
}

export interface Insight extends Learned {
  readonly people: PersonReader;
}

/** An auction that knows nothing yet, in little memory: for tests and explanations. */
export function blankInsight(): Insight {
  return {
    caps: createCapTable(64),
    evidence: createEvidence(64),
    shading: createShadingTable(16),
    people: createPersonReader({
      privacy: { vendor: defaultVendor },
      userSalt: 'blank blank blank',
      fingerprint: false,
      audiences: null,
    }),
  };
}
