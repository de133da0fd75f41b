export interface StageCost {
  readonly stage: string;
  readonly us: number;
}

import type { Clock } from '../../core/clock.ts';
export async function measureStages(_: { lineItems: number; quick: boolean; clock: Clock }): Promise<StageCost[]> {
  return [];
}
