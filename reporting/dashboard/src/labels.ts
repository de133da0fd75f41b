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

/** AdCOM 1.0, list: Device Types. */
const deviceTypes: Readonly<Record<string, string>> = {
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
const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

export const metricLabels: Readonly<Record<string, string>> = {
  spendNanos: 'Spend',
  impressions: 'Impressions',
  clicks: 'Clicks',
  ctr: 'CTR',
  ecpm: 'eCPM',
  ecpc: 'eCPC',
  conversions: 'Conversions',
  ecpa: 'eCPA',
  wins: 'Wins',
  winRate: 'Win rate',
  bids: 'Bids',
  matched: 'Matched',
  noBids: 'No bids',
  averageBidCpm: 'Average bid',
  averagePriceCpm: 'Average price',
  losses: 'Losses',
  reach: 'Reach',
  frequency: 'Frequency',
  invalid: 'Invalid',
  invalidRate: 'Invalid rate',
  duplicates: 'Duplicates',
  revenueMicros: 'Revenue',
  roas: 'ROAS',
  videoStarts: 'Video starts',
  videoCompletes: 'Video completes',
};

/** The value of a dimension as a person reads it. */
export function dimensionValue(dimension: string, value: string | number): string {
  if (dimension === 'deviceType') return deviceTypes[value] ?? String(value);
  if (dimension === 'dayOfWeek') return weekdays[Number(value) - 1] ?? String(value);
  if (dimension === 'hourOfDay') return `${String(value).padStart(2, '0')}:00`;
  return value === '' ? 'Unknown' : String(value);
}
