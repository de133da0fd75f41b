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
    expect(exported.text).toContain('"Spring, north",active,12.5,,,,"Spring, north",cpm,,2.75,even,,,DEU FRA,,');
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

  it('takes campaigns of several line items, and names the line and column at fault', async () => {
    const api = await createHarness();
    const id = (await api.call('POST', '/api/v1/advertisers', { body: { name: 'A' } })).json.id;
    const header =
      'advertiserId,name,dailyBudget,lineItem,goal,target,bidCpm,lineItemDailyBudget,countries,devices,sites';
    const lines = [
      `${id},Spring,20,Phones,cpm,,2.5,5,DEU,4 5,`,
      `${id},Spring,,Clicks,cpc,0.4,8,,FRA,,news.example sport.example`,
      `${id},Autumn,1,One,cpm,,1,,,,`,
      `${id},Winter,1,,,,1,,,,`,
      `${id},Winter,1,,,,1,,,,`,
    ];
    const send = (body: string, query = '') =>
      api.call('POST', `/api/v1/campaigns/import${query}`, { body, headers: { 'content-type': 'text/csv' } });
    const done = await send(`${header}\n${lines.join('\n')}\n`);
    expect(done.json, done.text).toMatchObject({ valid: 5, errors: [] });
    expect(done.json.created).toHaveLength(4);
    const items = (await api.call('GET', `/api/v1/line-items?campaignId=${done.json.created[0]}`)).json.items;
    expect(items.map((item: { name: string }) => item.name).sort()).toEqual(['Clicks', 'Phones']);
    expect(items.find((item: { name: string }) => item.name === 'Clicks')).toMatchObject({
      goal: { type: 'cpc', targetMicros: 400_000, maxCpmMicros: 8_000_000 },
      targeting: { terms: { country: { include: ['FRA'] }, domain: { include: ['news.example', 'sport.example'] } } },
    });
    // What was exported is the same campaigns again.
    const exported = (await api.call('GET', '/api/v1/campaigns/export?format=csv')).text;
    expect((await send(exported)).json).toMatchObject({ valid: 5, errors: [] });
    expect((await api.call('GET', '/api/v1/campaigns')).json.items).toHaveLength(8);
    const linesOf = (text: string) =>
      text
        .trim()
        .split('\r\n')
        .slice(1)
        .map((line) => line.replace(/^\d+,/, ''))
        .sort();
    const again = (await api.call('GET', '/api/v1/campaigns/export?format=csv')).text;
    expect(linesOf(again)).toEqual([...linesOf(exported), ...linesOf(exported)].sort());

    const wrong = [
      `${id},Summer,20,Fine,cpm,,2.5,5,DEU,,`,
      `${id},Summer,21,Other,cpm,,2,,,,`,
      `${id},Late,1,Fine,cpm,,1,,,,`,
      `${id},Late,,Broken,cpx,,1,,,,`,
      `${id},Late,,Poor,cpm,,2000,,,,`,
      `${id},Rain,0.001,Costly,cpm,,5,,,,`,
    ];
    const dry = await send(`${header}\n${wrong.join('\n')}\n`, '?dryRun=true');
    expect(dry.json.errors.map((fault: { line: number; field: string }) => [fault.line, fault.field])).toEqual([
      [3, 'dailyBudget'],
      [5, 'goal'],
      [7, 'bidCpm'],
    ]);
    expect(dry.json.valid).toBe(3);
    expect((await send(`${header}\n${id},Poor,1,A,cpm,,2000,,,,\n`)).json.field).toBe('bidCpm');
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
