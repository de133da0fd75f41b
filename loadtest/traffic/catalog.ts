import { weighted } from './weighted.ts';

/** Where and on what the simulated people are. Shares are rounded guesses at open-web traffic, not measurements. */
export interface Place {
  readonly country: string;
  readonly region: string;
  readonly city: string;
  readonly zip: string;
  readonly lat: number;
  readonly lon: number;
  readonly language: string;
  readonly utcOffsetMinutes: number;
  readonly eu: boolean;
  /** First octets of an address block. */
  readonly net: string;
}

function place(
  where: readonly [country: string, region: string, city: string, zip: string],
  at: readonly [lat: number, lon: number],
  language: string,
  utcOffsetMinutes: number,
  net: string,
  eu = false,
): Place {
  const [country, region, city, zip] = where;
  return { country, region, city, zip, lat: at[0], lon: at[1], language, utcOffsetMinutes, eu, net };
}

export const places = weighted<Place>([
  [place(['USA', 'NY', 'New York', '10001'], [40.71, -74.01], 'en', -300, '68.174'), 16],
  [place(['USA', 'CA', 'Los Angeles', '90012'], [34.05, -118.24], 'en', -480, '76.89'), 13],
  [place(['USA', 'TX', 'Houston', '77002'], [29.76, -95.37], 'en', -360, '98.199'), 11],
  [place(['GBR', 'LND', 'London', 'EC1A'], [51.51, -0.13], 'en', 0, '81.141'), 9],
  [place(['DEU', 'BE', 'Berlin', '10115'], [52.52, 13.4], 'de', 60, '91.12', true), 8],
  [place(['DEU', 'BY', 'München', '80331'], [48.14, 11.58], 'de', 60, '93.104', true), 4],
  [place(['FRA', 'IDF', 'Paris', '75001'], [48.86, 2.35], 'fr', 60, '90.63', true), 6],
  [place(['ESP', 'MD', 'Madrid', '28001'], [40.42, -3.7], 'es', 60, '83.45', true), 4],
  [place(['POL', 'MZ', 'Warszawa', '00-001'], [52.23, 21.01], 'pl', 60, '83.21', true), 3],
  [place(['CAN', 'ON', 'Toronto', 'M5H'], [43.65, -79.38], 'en', -300, '99.225'), 4],
  [place(['BRA', 'SP', 'São Paulo', '01000'], [-23.55, -46.63], 'pt', -180, '177.32'), 7],
  [place(['IND', 'MH', 'Mumbai', '400001'], [19.08, 72.88], 'en', 330, '103.82'), 7],
  [place(['JPN', '13', 'Tokyo', '100-0001'], [35.68, 139.69], 'ja', 540, '126.72'), 5],
  [place(['AUS', 'NSW', 'Sydney', '2000'], [-33.87, 151.21], 'en', 600, '110.174'), 3],
]);

/** Kind of device, AdCOM: 1 mobile/tablet general, 2 personal computer, 3 connected TV, 4 phone, 5 tablet. */
export interface DeviceModel {
  readonly deviceType: number;
  readonly make: string;
  readonly model: string;
  readonly os: string;
  readonly osVersion: string;
  readonly w: number;
  readonly h: number;
  readonly ua: string;
  readonly appUa: string;
}

const chrome = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0';
const safari = 'AppleWebKit/605.1.15 (KHTML, like Gecko)';
const pixel: DeviceModel = {
  deviceType: 4,
  make: 'Google',
  model: 'Pixel 8',
  os: 'Android',
  osVersion: '14',
  w: 1080,
  h: 2400,
  ua: `Mozilla/5.0 (Linux; Android 10; K) ${chrome} Mobile Safari/537.36`,
  appUa: `Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) ${chrome} Mobile Safari/537.36`,
};
const iphone: DeviceModel = {
  deviceType: 4,
  make: 'Apple',
  model: 'iPhone15,2',
  os: 'iOS',
  osVersion: '17.6',
  w: 1179,
  h: 2556,
  ua: `Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) ${safari} Version/17.6 Mobile/15E148 Safari/604.1`,
  appUa: `Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) ${safari} Mobile/15E148`,
};
const windows = `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome} Safari/537.36`;
const mac = `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${safari} Version/17.6 Safari/605.1.15`;
const desktop: DeviceModel = {
  deviceType: 2,
  make: 'PC',
  model: '',
  os: 'Windows',
  osVersion: '10.0',
  w: 1920,
  h: 1080,
  ua: windows,
  appUa: windows,
};

export const phones = weighted<DeviceModel>([
  [pixel, 30],
  [{ ...pixel, make: 'Samsung', model: 'SM-S911B', w: 1080, h: 2340 }, 35],
  [iphone, 35],
]);
export const devices = weighted<DeviceModel>([
  [pixel, 14],
  [{ ...pixel, make: 'Samsung', model: 'SM-S911B', w: 1080, h: 2340 }, 16],
  [iphone, 24],
  [{ ...iphone, deviceType: 5, model: 'iPad13,18', w: 1640, h: 2360, ua: mac }, 5],
  [desktop, 30],
  [{ ...desktop, make: 'Apple', os: 'macOS', osVersion: '14.6', w: 1728, h: 1117, ua: mac, appUa: mac }, 11],
]);

export interface Publisher {
  readonly id: string;
  /** Site domain, or the app's bundle. */
  readonly name: string;
  readonly title: string;
  readonly cat: readonly string[];
  readonly storeUrl: string;
}

const subjects: readonly (readonly [word: string, cat: string])[] = [
  ['news', 'IAB12'],
  ['sports', 'IAB17'],
  ['recipes', 'IAB8-18'],
  ['travel', 'IAB20'],
  ['finance', 'IAB13'],
  ['cars', 'IAB2'],
  ['games', 'IAB9-30'],
  ['weather', 'IAB15-10'],
  ['music', 'IAB1-6'],
  ['movies', 'IAB1-5'],
  ['health', 'IAB7'],
  ['tech', 'IAB19'],
  ['fashion', 'IAB18'],
  ['homes', 'IAB10'],
  ['parents', 'IAB6'],
  ['science', 'IAB15'],
];
const styles = ['daily', 'planet', 'my', 'open', 'first'];

export const sites: readonly Publisher[] = styles.flatMap((style, s) =>
  subjects.map(([word, cat], i) => ({
    id: `pub-${100 + s * subjects.length + i}`,
    name: `${style}${word}.example`,
    title: `${style} ${word}`,
    cat: [cat],
    storeUrl: '',
  })),
);
export const apps: readonly Publisher[] = styles.flatMap((style, s) =>
  subjects.map(([word, cat], i) => ({
    id: `pub-${500 + s * subjects.length + i}`,
    name: `com.example.${style}${word}`,
    title: `${style} ${word}`,
    cat: [cat],
    storeUrl: `https://store.example/app/${style}${word}`,
  })),
);

export type Size = readonly [w: number, h: number];
export const phoneSizes = weighted<Size>([
  [[320, 50], 45],
  [[300, 250], 38],
  [[320, 100], 9],
  [[320, 480], 8],
]);
export const desktopSizes = weighted<Size>([
  [[300, 250], 42],
  [[728, 90], 28],
  [[160, 600], 12],
  [[300, 600], 10],
  [[970, 250], 8],
]);
