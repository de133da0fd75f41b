import { accessSync, constants } from 'node:fs';
import { messageOf } from '../../core/errors.ts';

// What type and bounds of a setting can not say. Each names what is wrong with a value, and never a secret itself.

export function urlFaults(value: string): readonly string[] {
  if (value === '') return [];
  const isWeb = URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
  return isWeb ? [] : [`must be a URL such as https://host.example, not ${JSON.stringify(value)}`];
}

export function fileFaults(path: string): readonly string[] {
  if (path === '') return [];
  try {
    accessSync(path, constants.R_OK);
    return [];
  } catch (error) {
    return [`the file can not be read: ${messageOf(error)}`];
  }
}

export function brokerFaults(brokers: readonly string[]): readonly string[] {
  return brokers
    .filter((broker) => !/^[^\s:/]+:\d{1,5}$/.test(broker))
    .map((broker) => `must be HOST:PORT, not ${JSON.stringify(broker)}`);
}

export function currencyFaults(rates: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(rates)
    .filter(([code, rate]) => !/^[A-Z]{3}$/.test(code) || typeof rate !== 'number' || !(rate > 0))
    .map(([code]) => `"${code}" has no usable rate; write CODE: US dollars per unit`);
}

/** `ID:HEX`. */
export const tokenKeyPattern = /^(\d{1,2}|1\d\d|2[0-4]\d|25[0-5]):([0-9a-f]{32,256})$/i;

export function tokenKeyFaults(keys: readonly string[]): readonly string[] {
  const ids = keys.map((key) => key.split(':')[0]);
  return keys.flatMap((key, i) => {
    if (!tokenKeyPattern.test(key)) return [`key ${i + 1} is not ID:HEX with ID 0–255 and at least 16 bytes`];
    return ids.indexOf(ids[i]) < i ? [`key ${i + 1} has the ID of another`] : [];
  });
}

/** A secret that could be guessed protects nothing. */
export function shortFaults(secret: string): readonly string[] {
  return secret === '' || secret.length >= 16 ? [] : ['has fewer than 16 characters'];
}
