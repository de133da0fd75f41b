import { readFileSync, statSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Clock } from '../core/clock.ts';
import { CodedError, messageOf } from '../core/errors.ts';
import { type CountryOf, readCountries } from '../reporting/ingest/countries.ts';
import type { TrafficScorer } from '../reporting/ingest/decide.ts';
import { createTrafficScorer } from '../reporting/ingest/traffic.ts';
import type { Config } from './config/table.ts';

/** How often a list is looked at for changes, milliseconds. */
const LOOK_EVERY_MS = 60_000;

/**
 * The rules for invalid traffic with the operator's lists.
 * @throws CodedError `config.invalid` when a list that is configured cannot be read at the start
 */
export function configuredScorer(
  { badAgentsFile, ipCountriesFile }: Pick<Config, 'badAgentsFile' | 'ipCountriesFile'>,
  deps: { readonly clock: Clock; readonly logger: Logger },
): TrafficScorer {
  const { logger } = deps;
  const readAgents = (text: string): readonly RegExp[] => {
    const { patterns, bad } = agentPatterns(text);
    if (bad.length > 0) logger.warn({ file: badAgentsFile, bad }, 'not regular expressions, left out');
    return patterns;
  };
  const readRanges = (text: string): CountryOf => {
    const { ranges, badLines, countryOf } = readCountries(text);
    logger.info({ file: ipCountriesFile, ranges, badLines }, 'countries of addresses read');
    return countryOf;
  };
  return createTrafficScorer({
    ...(badAgentsFile === '' ? {} : { agents: watched(badAgentsFile, readAgents, deps) }),
    ...(ipCountriesFile === '' ? {} : { countryOf: watched(ipCountriesFile, readRanges, deps) }),
  });
}

/** One regular expression a line, without regard to case; empty lines and lines after # are left out. */
function agentPatterns(text: string): { readonly patterns: readonly RegExp[]; readonly bad: readonly string[] } {
  const patterns: RegExp[] = [];
  const bad: string[] = [];
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    try {
      patterns.push(new RegExp(line, 'i'));
    } catch {
      bad.push(line);
    }
  }
  return { patterns, bad };
}

/** What a file says, read again when it was changed. A file that went away keeps its last word. */
function watched<T>(
  file: string,
  read: (text: string) => T,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): () => T {
  let changedMs = modified(file);
  let value = read(readFileSync(file, 'utf8'));
  let lookedMs = clock.monotonicMs();
  return () => {
    if (clock.monotonicMs() - lookedMs < LOOK_EVERY_MS) return value;
    lookedMs = clock.monotonicMs();
    try {
      const nowMs = modified(file);
      if (nowMs === changedMs) return value;
      value = read(readFileSync(file, 'utf8'));
      changedMs = nowMs;
    } catch (error) {
      logger.warn({ file, error: messageOf(error) }, 'the list could not be read again, the last one stays');
    }
    return value;
  };
}

function modified(file: string): number {
  try {
    return statSync(file).mtimeMs;
  } catch (error) {
    throw new CodedError(
      'config.invalid',
      `The file ${file} cannot be read: ${messageOf(error)}.`,
      'Name a file that is there.',
    );
  }
}
