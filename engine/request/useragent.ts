import { noTerm, Term } from '../match/vocabulary.ts';

/** What we read from a user agent string: enough for targeting by browser and by operating system. */
export interface Agent {
  readonly browser: Term;
  readonly os: Term;
  readonly osVersion: Term;
}

const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\//, 'edge'],
  [/\bOPR\/|\bOpera\b/, 'opera'],
  [/\bSamsungBrowser\//, 'samsung'],
  [/\bFirefox\/|\bFxiOS\//, 'firefox'],
  [/\bChrome\/|\bCriOS\//, 'chrome'],
  [/\bMSIE |\bTrident\//, 'ie'],
  [/\bSafari\//, 'safari'],
];
const systems: readonly (readonly [RegExp, string])[] = [
  [/\bAndroid ?([\d.]+)?/, 'android'],
  [/\b(?:iPhone OS|CPU OS) ([\d_]+)/, 'ios'],
  [/\bWindows NT ([\d.]+)/, 'windows'],
  [/\bMac OS X ([\d_.]+)/, 'macos'],
  [/\bCrOS\b/, 'chromeos'],
  [/\bLinux\b/, 'linux'],
];
const unknown: Agent = { browser: noTerm, os: noTerm, osVersion: noTerm };
const MAX_REMEMBERED = 2_000;
const MAX_CHARS = 1_000;
const remembered = new Map<string, Agent>();

/** Reads a user agent string; the most recent ones are remembered. */
export function readAgent(ua: string): Agent {
  if (ua === '' || ua.length > MAX_CHARS) return unknown;
  const known = remembered.get(ua);
  if (known !== undefined) return known;
  let os = '';
  let osVersion = '';
  for (const [pattern, name] of systems) {
    const found = pattern.exec(ua);
    if (found === null) continue;
    os = name;
    osVersion = (found[1] ?? '').replaceAll('_', '.');
    break;
  }
  const browser = browsers.find(([pattern]) => pattern.test(ua))?.[1] ?? '';
  const agent = { browser: new Term(browser), os: new Term(os), osVersion: new Term(osVersion) };
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(ua, agent);
  return agent;
}
