import { describe, expect, it } from 'vitest';
import { createTurn, type HeldCall } from './turn.ts';

interface TestCall extends HeldCall {
  readonly name: string;
  done: boolean;
}

function bed() {
  const events: string[] = [];
  const free: string[] = [];
  const turn = createTurn<TestCall>(
    (call, body, length) => events.push(`take ${call.name} ${Buffer.from(body.subarray(0, length))}`),
    () => events.push('decide'),
    (call) => free.push(call.name),
  );
  const call = (name: string): TestCall => ({
    name,
    done: false,
    holding: false,
    release() {
      if (!this.done) events.push(`write ${name}`);
    },
  });
  return { turn, call, events, free };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('a turn of the loop', () => {
  it('decides all that came before it writes the answers, with bodies of its own', async () => {
    const { turn, call, events, free } = bed();
    const body = Buffer.from('one');
    expect(turn.add(call('a'), body)).toBe(true);
    body.write('two');
    expect(turn.add(call('b'), body)).toBe(true);
    expect(events).toEqual([]);
    await nextTurn();
    expect(events).toEqual(['take a one', 'take b two', 'decide', 'write a', 'write b']);
    expect(free).toEqual(['a', 'b']);
    turn.add(call('c'), Buffer.from('three'));
    await nextTurn();
    expect(events.slice(5)).toEqual(['take c three', 'decide', 'write c']);
  });

  it('does nothing for a caller that has gone', async () => {
    const { turn, call, events, free } = bed();
    const gone = call('a');
    turn.add(gone, Buffer.from('x'));
    gone.done = true;
    await nextTurn();
    expect(events).toEqual(['decide']);
    expect(free).toEqual(['a']);
  });

  it('keeps so many and no more, and no answer that has no room', async () => {
    const { turn, call, events } = bed();
    const taken = Array.from({ length: 300 }, (_, i) => turn.add(call(`${i}`), Buffer.from('x')));
    expect(taken.filter(Boolean)).toHaveLength(256);
    expect(turn.hold(new Uint8Array(1024 * 1024))).toBe(-1);
    const answer = Buffer.from('answer');
    turn.hold(Buffer.from('before'));
    const kept = turn.hold(answer);
    answer.fill(0);
    expect(Buffer.from(turn.held(kept, 6)).toString()).toBe('answer');
    await nextTurn();
    // The first answers are written before the last requests are decided.
    expect(events.indexOf('write 0')).toBeLessThan(events.indexOf('take 64 x'));
    expect(turn.add(call('again'), Buffer.alloc(2 * 1024 * 1024))).toBe(false);
  });
});
