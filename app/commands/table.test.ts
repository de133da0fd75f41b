import { describe, expect, it } from 'vitest';
import { commands } from './table.ts';

describe('the commands', () => {
  it('say how they are used, but for those with help of their own', () => {
    const silent = Object.entries(commands).filter(([, { usage }]) => usage === undefined);
    expect(silent.map(([name]) => name)).toEqual(['loadtest', 'simulate']);
  });

  it('measure nothing when a flag is not known', async () => {
    await expect(commands.bench!.run(['pacing', '--sseds=3'])).rejects.toMatchObject({
      code: 'arguments.invalid',
      message: expect.stringContaining('--sseds'),
    });
    await expect(commands.bench!.run(['pace'])).rejects.toMatchObject({ code: 'arguments.invalid' });
  });
});
