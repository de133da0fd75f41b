import { describe, expect, it } from 'vitest';
import { readCountries } from './countries.ts';

describe('a table of countries', () => {
  const table = readCountries(
    [
      '# first,last,country',
      '192.0.2.0,192.0.2.255,DE',
      '"198.51.100.0","198.51.100.127","USA"',
      '10.0.0.0,10.255.255.255,fr',
      '2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,AT',
      '2001:db9::,2001:db9:0:1:ffff:ffff:ffff:ffff,CH',
      '203.0.113.0,203.0.113.255,??',
      '203.0.113.0,2001::,DE',
      'nonsense',
    ].join('\n'),
  );

  it('finds the country of addresses inside its ranges, both families, two or three letters', () => {
    const cases: readonly [string, string][] = [
      ['192.0.2.0', 'DEU'],
      ['192.0.2.255', 'DEU'],
      ['192.0.3.0', ''],
      ['192.0.1.255', ''],
      ['198.51.100.127', 'USA'],
      ['198.51.100.128', ''],
      ['10.20.30.0', 'FRA'],
      ['::ffff:10.20.30.0', 'FRA'],
      ['2001:db8::', 'AUT'],
      ['2001:db8:1:2:3:4:5:6', 'AUT'],
      ['2001:db9:0:1::', 'CHE'],
      ['2001:db9:0:2::', ''],
      ['::1', ''],
      ['', ''],
      ['somewhere', ''],
    ];
    expect(cases.map(([ip]) => [ip, table.countryOf(ip)])).toEqual(cases);
  });

  it('counts lines it cannot read and does not guess', () => {
    expect(table).toMatchObject({ ranges: 5, badLines: 3 });
    expect(readCountries('').countryOf('192.0.2.1')).toBe('');
  });
});
