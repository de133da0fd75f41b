import { deviceTypes } from './labels.ts';

export const targetingGroups = {
  where: 'Where people are',
  device: 'Devices and connections',
  inventory: 'Sites, apps and content',
  placement: 'Where on the page or in the video',
  trade: 'Exchanges and deals',
  people: 'Audiences',
} as const;
export type TargetingGroup = keyof typeof targetingGroups;

/** How the editor asks for one dimension of targeting. */
export interface DimensionInfo {
  readonly group: TargetingGroup;
  readonly label: string;
  readonly hint: string;
  /** Terms that can be ticked → what people read. */
  readonly choices?: Readonly<Record<string, string>>;
  /** Other terms than the choices can be typed. */
  readonly typed: boolean;
  /** Terms may have spaces inside; others are parted by them. */
  readonly spaces?: boolean;
  /** Long lists come as files. */
  readonly file?: boolean;
  readonly spelling: 'upper' | 'lower' | 'as it is';
  /** What a term looks like, where that is known. */
  readonly shape?: RegExp;
}

const yesOrNo = { 1: 'yes', 0: 'no' };
const choice = { typed: false, spelling: 'lower' } as const;
const typed = { typed: true, spelling: 'lower' } as const;

/** All dimensions, as they are spelled in `core/targeting.ts`; numbers are those of AdCOM 1.0. */
export const targetingTable: Readonly<Record<string, DimensionInfo>> = {
  country: {
    group: 'where',
    label: 'Countries',
    hint: 'Three letters each: DEU, FRA, USA.',
    typed: true,
    spelling: 'upper',
    shape: /^[A-Z]{3}$/,
  },
  region: {
    ...typed,
    spelling: 'upper',
    group: 'where',
    label: 'Regions',
    hint: 'ISO 3166-2 or the exchange’s code: DE-BE, CA.',
  },
  city: { ...typed, group: 'where', label: 'Cities', hint: 'As exchanges write them: Berlin, New York.', spaces: true },
  zip: {
    group: 'where',
    label: 'Postcodes',
    hint: 'As exchanges write them: 10115, SW1A.',
    typed: true,
    spelling: 'upper',
    file: true,
  },
  deviceType: {
    ...choice,
    group: 'device',
    label: 'Devices',
    hint: 'Apps often say no more than “mobile or tablet”: tick that, too, to reach all phones.',
    choices: deviceTypes,
  },
  os: {
    ...typed,
    group: 'device',
    label: 'Operating systems',
    hint: 'Any name works, spelled as exchanges do.',
    choices: { ios: 'iOS', android: 'Android', windows: 'Windows', macos: 'macOS', linux: 'Linux' },
    spaces: true,
  },
  osVersion: { ...typed, group: 'device', label: 'System versions', hint: 'As sent: 17.1, 14.' },
  make: { ...typed, group: 'device', label: 'Makers', hint: 'apple, samsung, xiaomi …', spaces: true },
  browser: {
    ...typed,
    group: 'device',
    label: 'Browsers',
    hint: 'On computers and on the mobile web.',
    choices: { chrome: 'Chrome', safari: 'Safari', firefox: 'Firefox', edge: 'Edge' },
    spaces: true,
  },
  connectionType: {
    ...choice,
    group: 'device',
    label: 'Connections',
    hint: 'Wi-Fi suits long videos.',
    choices: {
      1: 'Cable',
      2: 'Wi-Fi',
      3: 'Mobile, unknown',
      4: '2G',
      5: '3G',
      6: '4G',
      7: '5G',
      0: 'Unknown',
    },
  },
  carrier: { ...typed, group: 'device', label: 'Carriers', hint: 'As exchanges write them: vodafone.', spaces: true },
  language: {
    ...typed,
    group: 'device',
    label: 'Languages',
    hint: 'Of the device, two letters each: de, en.',
    shape: /^[a-z]{2,3}(-[a-z0-9]+)*$/,
  },
  domain: {
    ...typed,
    group: 'inventory',
    label: 'Sites',
    hint: 'example.com also means its subdomains.',
    file: true,
    shape: /^([a-z0-9_-]+\.)+[a-z0-9-]{2,}$/,
  },
  bundle: {
    ...typed,
    group: 'inventory',
    label: 'Apps',
    hint: 'Ids of the stores: com.example.game, 123456789.',
    file: true,
  },
  publisher: {
    group: 'inventory',
    label: 'Publishers',
    hint: 'Their ids at the exchange.',
    typed: true,
    spelling: 'as it is',
    file: true,
  },
  category: {
    group: 'inventory',
    label: 'Content categories',
    hint: 'IAB codes: IAB17 with all below it, or IAB1-2.',
    typed: true,
    spelling: 'upper',
    shape: /^(IAB\d{1,2}(-\d{1,2})?|[A-Z0-9]+)$/,
  },
  keyword: {
    ...typed,
    group: 'inventory',
    label: 'Keywords',
    hint: 'Words of the page or app.',
    spaces: true,
    file: true,
  },
  size: {
    ...typed,
    group: 'placement',
    label: 'Sizes',
    hint: 'Pixels. Your ads’ own sizes limit it anyway.',
    choices: { '300x250': '300 × 250', '320x50': '320 × 50', '728x90': '728 × 90', '160x600': '160 × 600' },
    shape: /^\d{1,5}x\d{1,5}$/,
  },
  position: {
    ...choice,
    group: 'placement',
    label: 'Position on the screen',
    hint: 'As the publisher says.',
    choices: {
      1: 'Seen at once',
      3: 'After scrolling',
      4: 'Header',
      5: 'Footer',
      6: 'Side',
      7: 'Full screen',
      0: 'Unknown',
    },
  },
  interstitial: {
    ...choice,
    group: 'placement',
    label: 'Between two pages (interstitial)',
    hint: 'Covers the screen until it is closed.',
    choices: yesOrNo,
  },
  rewarded: {
    ...choice,
    group: 'placement',
    label: 'Rewarded',
    hint: 'People get something in the app for watching.',
    choices: yesOrNo,
  },
  plcmt: {
    ...choice,
    group: 'placement',
    label: 'Kind of video',
    hint: 'Where the player is and why it plays.',
    choices: { 1: 'In stream', 2: 'Beside content', 3: 'Between pages', 4: 'On its own' },
  },
  startDelay: {
    ...typed,
    group: 'placement',
    label: 'When in the video',
    hint: 'Seconds from its start can be typed, too.',
    choices: { 0: 'Before (pre-roll)', '-1': 'During (mid-roll)', '-2': 'After (post-roll)' },
    shape: /^-?\d+$/,
  },
  slotInPod: {
    ...choice,
    group: 'placement',
    label: 'Place in a break of several ads',
    hint: 'First ads are remembered best.',
    choices: { 1: 'First', '-1': 'Last', 2: 'First or last', 0: 'Any' },
  },
  skippable: {
    ...choice,
    group: 'placement',
    label: 'Can be skipped',
    hint: 'Only where the request says.',
    choices: yesOrNo,
  },
  exchange: {
    group: 'trade',
    label: 'Exchanges',
    hint: 'By the names on the operators’ page.',
    typed: true,
    spelling: 'as it is',
  },
  deal: {
    group: 'trade',
    label: 'Deals',
    hint: 'Ids agreed with publishers. With one under “only”, it bids where that deal is offered.',
    typed: true,
    spelling: 'as it is',
  },
  segment: {
    group: 'people',
    label: 'Audiences and segments',
    hint: 'Your own audiences, or segments of the exchange as provider:id.',
    typed: true,
    spelling: 'as it is',
    file: true,
  },
};

/** The order of the editor. */
export function dimensionsOf(group: TargetingGroup): readonly string[] {
  return Object.keys(targetingTable).filter((name) => targetingTable[name]!.group === group);
}
