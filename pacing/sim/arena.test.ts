import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { playPacer } from './arena.ts';
import { scenarios } from './scenarios.ts';
import { simulate } from './simulate.ts';

const AUCTIONS = 3000;
const ROUND_MS = 60_000;

describe('a simulated day', () => {
  it('delivers nothing above the budget in strict mode, with a tenth of notices lost and others repeated', () => {
    const trial = { ...scenarios[1]!.trial(5, AUCTIONS), noticeLoss: 0.1, noticeRepeat: 0.2, delayMs: 60_000 };
    const score = playPacer(trial, 'strict', seededRandom(5), ROUND_MS);
    expect(score.over).toBe(0);
    expect(score.wins).toBeGreaterThan(50);
  }, 60_000);

  it('keeps its plan with a store that is half an hour behind', () => {
    const score = playPacer(
      { ...scenarios[1]!.trial(8, 2 * AUCTIONS), storeLagMs: 1_800_000 },
      'standard',
      seededRandom(8),
      ROUND_MS,
    );
    expect(score.utilisation).toBeGreaterThan(0.97);
    expect(score.valueShare).toBeGreaterThan(0.9);
  }, 60_000);

  it('goes on as before when the pacer is restarted at noon', () => {
    const restarted = scenarios.find((one) => one.name === 'pacer restarted')!;
    const score = playPacer(restarted.trial(9, 2 * AUCTIONS), 'standard', seededRandom(9), ROUND_MS);
    expect(score.utilisation).toBeGreaterThan(0.97);
    expect(score.valueShare).toBeGreaterThan(0.95);
  }, 60_000);

  it('is the same for the same seed', () => {
    const play = () => playPacer(scenarios[1]!.trial(6, AUCTIONS), 'standard', seededRandom(6), ROUND_MS);
    const [a, b] = [play(), play()];
    expect([a.value, a.wins, a.ks]).toEqual([b.value, b.wins, b.ks]);
  }, 60_000);

  it('names the scenarios there are when asked for another', async () => {
    await expect(simulate({ scenario: 'nowhere' })).rejects.toMatchObject({ code: 'unknown_scenario' });
  });
});
