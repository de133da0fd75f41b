import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvCell } from './csv.ts';
import { parseCsv } from './csvreader.ts';
import { createHarness } from './fakes.case.ts';

describe('CSV', () => {
  it('reads back what was written, whatever is in the cells', () => {
    const cell = fc
      .string()
      .map((text) => text.replace(/\r/g, ''))
      .filter((text) => !/^[=+\-@\t]/.test(text));
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 6 }), (rows) => {
        const text = rows.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
        expect(parseCsv(text, 100)).toEqual(rows);
      }),
    );
  });
  it('refuses an open quote and too many lines', () => {
    expect(() => parseCsv('a,"b', 10)).toThrow(/not closed/);
    expect(() => parseCsv('a\nb\nc\n', 2)).toThrow(/at most 2/);
  });
});

describe('bulk import and export', () => {
  const csv = (id: number) =>
    `advertiserId,name,dailyBudget,bidCpm,countries\n${id},"Spring, north",12.5,2.75,DEU FRA\n${id},Autumn,1,0.5,\n`;

  it('tries a file without writing, then writes it', async () => {
    const api = await createHarness();
    const id = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'A' } })).json.id;
    const options = { body: csv(id), headers: { 'content-type': 'text/csv' } };
    const dry = await api.call('POST', '/api/v1/campaigns/import?dryRun=true', options);
    expect(dry.json, dry.text).toEqual({ dryRun: true, valid: 2, created: [], errors: [] });
    expect((await api.call('GET', '/api/v1/campaigns')).json.items).toEqual([]);
    const done = await api.call('POST', '/api/v1/campaigns/import', options);
    expect(done.json.created).toHaveLength(2);
    const made = await api.call('GET', `/api/v1/campaigns/${done.json.created[0]}`);
    expect(made.json).toMatchObject({ name: 'Spring, north', budget: { dailyMicros: 12_500_000 } });
    const exported = await api.call('GET', '/api/v1/campaigns/export?format=csv');
    expect(exported.text).toContain('"Spring, north",active,12.5,,,,2.75,even,DEU FRA');
  });

  it('says what is wrong with which line and creates nothing', async () => {
    const api = await createHarness();
    const id = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'A' } })).json.id;
    const body = `${csv(id)}${id},Broken,twelve,2,\n999,Foreign,1,1,\n`;
    const headers = { 'content-type': 'text/csv' };
    const dry = await api.call('POST', '/api/v1/campaigns/import?dryRun=true', { body, headers });
    expect(dry.json).toMatchObject({
      valid: 2,
      errors: [
        { line: 4, field: 'dailyBudget' },
        { line: 5, field: 'advertiserId' },
      ],
    });
    const real = await api.call('POST', '/api/v1/campaigns/import', { body, headers });
    expect([real.status, real.json.code]).toEqual([422, 'invalid_field']);
    expect(real.json.detail).toContain('nothing was created');
    expect((await api.call('GET', '/api/v1/campaigns')).json.items).toEqual([]);
    const wrong = await api.call('POST', '/api/v1/campaigns/import', { body: 'name,colour\nx,red\n', headers });
    expect(wrong.json.detail).toContain('colour');
  });

  it('imports what it exported', async () => {
    const api = await createHarness();
    const id = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'A' } })).json.id;
    await api.call('POST', '/api/v1/campaigns/import', { body: csv(id), headers: { 'content-type': 'text/csv' } });
    const exported = (await api.call('GET', '/api/v1/campaigns/export')).json;
    const again = await api.call('POST', '/api/v1/campaigns/import', { body: exported });
    expect(again.status, again.text).toBe(200);
    expect((await api.call('GET', '/api/v1/campaigns')).json.items).toHaveLength(4);
  });
});
