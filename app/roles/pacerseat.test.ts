import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { ConsumeOptions, EventLog } from '../../core/eventlog.ts';
import { takePacerSeat } from './pacerseat.ts';

/** A seat on a log and pacers that only note what is asked of them. */
async function setup() {
  const notes: string[] = [];
  let pacers = 0;
  let options: ConsumeOptions | null = null;
  let replaced: () => void = () => {};
  const log = {
    async consume(given: ConsumeOptions) {
      options = given;
      return { commit: async () => {}, stop: async () => void notes.push('seat given up') };
    },
    bounds: async () => [{ partition: 0, first: 0, end: 7 }],
  } as unknown as EventLog;
  const seat = await takePacerSeat({
    log,
    logger: pino({ level: 'silent' }),
    reclaimMs: 5,
    async standBy(onReplaced) {
      pacers += 1;
      const name = `pacer ${pacers}`;
      notes.push(`${name} stands by`);
      replaced = onReplaced;
      return {
        async activate() {
          notes.push(`${name} is active`);
          return { status: () => [], stop: async () => void notes.push(`${name} stops`) };
        },
        stop: async () => void notes.push(`${name} leaves`),
      };
    },
    onFatal: (error) => notes.push(String(error)),
  });
  return { notes, seat, given: options!, replace: () => replaced() };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; !condition(); i++) {
    if (i > 500) throw new Error('never');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('the seat of the pacer', () => {
  it('makes the one that has it active, and leaves the topic to the pacer', async () => {
    const { notes, seat, given } = await setup();
    expect(seat.isActive()).toBe(false);
    expect(await given.start!(0, null)).toBe(7);
    expect(seat.isActive()).toBe(true);
    expect(notes).toEqual(['pacer 1 stands by', 'pacer 1 is active']);
  });

  it('keeps the pacer when a member joins and the seat comes back', async () => {
    const { notes, given } = await setup();
    await given.start!(0, null);
    given.onRevoked!(0);
    await given.start!(0, null);
    expect(notes).toEqual(['pacer 1 stands by', 'pacer 1 is active']);
  });

  it('stands by again when another has taken over', async () => {
    const { notes, seat, given, replace } = await setup();
    await given.start!(0, null);
    given.onRevoked!(0);
    replace();
    await until(() => notes.includes('pacer 2 stands by'));
    expect(seat.isActive()).toBe(false);
    await given.start!(0, null);
    expect(notes.slice(2)).toEqual(['pacer 1 stops', 'pacer 2 stands by', 'pacer 2 is active']);
  });

  it('takes over again when it was replaced although it has the seat', async () => {
    const { notes, seat, given, replace } = await setup();
    await given.start!(0, null);
    replace();
    await until(() => notes.includes('pacer 2 is active'));
    expect(seat.isActive()).toBe(true);
  });

  it('stops pacing before it gives the seat up', async () => {
    const { notes, seat, given } = await setup();
    await given.start!(0, null);
    await seat.stop();
    expect(notes.slice(2)).toEqual(['pacer 1 stops', 'seat given up']);
  });
});
