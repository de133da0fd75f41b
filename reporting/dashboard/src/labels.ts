/** Names for people of what reports are broken down by. */
export const dimensionLabels: Readonly<Record<string, string>> = {
  advertiser: 'Advertiser',
  campaign: 'Campaign',
  lineItem: 'Line item',
  creative: 'Creative',
  exchange: 'Exchange',
  deal: 'Deal',
  domain: 'Site or app',
  country: 'Country',
  region: 'Region',
  deviceType: 'Device',
  os: 'System',
  format: 'Format',
  size: 'Size',
  hourOfDay: 'Hour',
  dayOfWeek: 'Weekday',
  conversionType: 'Conversion',
  eventType: 'Event',
  status: 'Validity',
  reason: 'Reason',
  noBidReason: 'No-bid reason',
};

/** How a budget is spread. */
export const planNames: Readonly<Record<string, string>> = {
  even: 'Even, with the traffic',
  even_time: 'Even, by the clock',
  front_loaded: 'Early in the day',
  asap: 'As soon as possible',
};

export const roleNames: Readonly<Record<string, string>> = {
  advertiser: 'advertiser',
  read_only: 'read only',
  operator: 'operator',
};

/** AdCOM 1.0, list: Device Types. */
export const deviceTypes: Readonly<Record<string, string>> = {
  0: 'Unknown',
  1: 'Mobile or tablet',
  2: 'Computer',
  3: 'Connected TV',
  4: 'Phone',
  5: 'Tablet',
  6: 'Connected device',
  7: 'Set-top box',
  8: 'Outdoor screen',
};
export const weekdayNames = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

/** Names of what can be measured; the usual ones first. */
export const metricLabels: Readonly<Record<string, string>> = {
  spendNanos: 'Spend',
  impressions: 'Impressions',
  clicks: 'Clicks',
  ctr: 'CTR',
  ecpm: 'eCPM',
  ecpc: 'eCPC',
  conversions: 'Conversions',
  ecpa: 'eCPA',
  reach: 'Reach',
  frequency: 'Frequency',
  wins: 'Wins',
  winRate: 'Win rate',
  revenueMicros: 'Revenue',
  roas: 'ROAS',
  averagePriceCpm: 'Average price',
  averageBidCpm: 'Average bid',
  shadingSavedNanos: 'Saved by shading',
  videoStarts: 'Video starts',
  videoFirstQuartiles: 'Video 25 %',
  videoMidpoints: 'Video 50 %',
  videoThirdQuartiles: 'Video 75 %',
  videoCompletes: 'Video completes',
  invalidRate: 'Invalid rate',
  invalid: 'Invalid',
  bids: 'Bids',
  requests: 'Requests',
  matched: 'Matched',
  bidNanos: 'Bids’ sum',
  valueNanos: 'Bids’ value',
  noBids: 'No bids',
  lineItemNoBids: 'Line items’ no-bids',
  bills: 'Bills',
  clickConversions: 'Conversions by click',
  viewConversions: 'Conversions by view',
  received: 'Events received',
  accepted: 'Valid events',
  quarantined: 'Quarantined',
  late: 'Late events',
  losses: 'Losses',
  duplicates: 'Duplicates',
};

/** The value of a dimension as a person reads it. */
export function dimensionValue(dimension: string, value: string | number): string {
  if (dimension === 'deviceType') return deviceTypes[value] ?? String(value);
  if (dimension === 'dayOfWeek') return weekdayNames[Number(value) - 1] ?? String(value);
  if (dimension === 'hourOfDay') return `${String(value).padStart(2, '0')}:00`;
  return value === '' ? 'Unknown' : String(value);
}
