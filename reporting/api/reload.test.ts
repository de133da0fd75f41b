import { expect, it } from 'vitest';
import { createHarness } from './fakes.case.ts';

it('lets operators, and nobody else, have the configuration read again', async () => {
  let asked = 0;
  const api = await createHarness([], { reload: () => void asked++ });
  const advertiser = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'Acme' } })).json.id;
  const key = await api.keyFor('advertiser', advertiser);
  expect((await api.call('POST', '/api/v1/reload', { key })).status).toBe(403);
  expect(asked).toBe(0);
  const done = await api.call('POST', '/api/v1/reload');
  expect([done.status, done.json, asked]).toEqual([202, { status: 'asked' }, 1]);
  expect(
    (await (await createHarness()).call('POST', '/api/v1/reload')).status,
    'where there is nothing to reload',
  ).toBe(503);
});
