import { ApiProblem } from './client.ts';
import type { Rule, Targeting } from './data.ts';
import { targetingTable } from './targetingtable.ts';

export interface RuleText {
  readonly include: string;
  readonly exclude: string;
}

/** The targeting a form edits: lists as people type them. */
export interface TargetingText {
  readonly rules: Readonly<Record<string, RuleText>>;
  /** A circle a line: latitude, longitude, kilometres. */
  readonly circles: string;
}

const noRule: RuleText = { include: '', exclude: '' };

export function targetingText(targeting: Targeting | null): TargetingText {
  const rules = Object.entries(targeting?.terms ?? {}).map(([name, { include, exclude }]): [string, RuleText] => [
    name,
    { include: joinTerms(include), exclude: joinTerms(exclude) },
  ]);
  const circles = (targeting?.within ?? []).map(({ lat, lon, km }) => `${lat}, ${lon}, ${km}`);
  return { rules: Object.fromEntries(rules), circles: circles.join('\n') };
}

export function ruleText(text: TargetingText, dimension: string): RuleText {
  return text.rules[dimension] ?? noRule;
}

/** The terms of a list, each once, in the spelling of its dimension. */
export function termsOf(dimension: string, text: string): readonly string[] {
  const info = targetingTable[dimension];
  const words = text
    .split(info?.spaces ? /[,;\n]+/ : /[\s,;]+/)
    .map((word) => spelled(dimension, word))
    .filter((word) => word !== '');
  return [...new Set(words)];
}

export function spelled(dimension: string, word: string): string {
  const trimmed = word.trim();
  const spelling = targetingTable[dimension]?.spelling;
  if (spelling === 'as it is') return trimmed;
  return spelling === 'upper' ? trimmed.toUpperCase() : trimmed.toLowerCase();
}

export function joinTerms(terms: readonly string[]): string {
  return terms.join(', ');
}

/** The first term of a list that can not be one; undefined when all can. */
export function wrongTerm(dimension: string, text: string): string | undefined {
  const shape = targetingTable[dimension]?.shape;
  return shape === undefined ? undefined : termsOf(dimension, text).find((term) => !shape.test(term));
}

/** Moves a term that can be ticked on: anywhere → only there → never there → anywhere. */
export function stepTerm(dimension: string, rule: RuleText, term: string): RuleText {
  const include = termsOf(dimension, rule.include);
  const exclude = termsOf(dimension, rule.exclude);
  const without = (terms: readonly string[]): string => joinTerms(terms.filter((other) => other !== term));
  if (include.includes(term)) return { include: without(include), exclude: joinTerms([...exclude, term]) };
  if (exclude.includes(term)) return { include: rule.include, exclude: without(exclude) };
  return { include: joinTerms([...include, term]), exclude: rule.exclude };
}

/** Everything the form says about a targeting. */
export function targetingRules(text: TargetingText): { terms: Record<string, Rule>; within: Targeting['within'] } {
  const terms: Record<string, Rule> = {};
  for (const [name, rule] of Object.entries(text.rules)) {
    const [include, exclude] = [termsOf(name, rule.include), termsOf(name, rule.exclude)];
    if (include.length + exclude.length > 0) terms[name] = { include, exclude };
  }
  return { terms, within: circlesOf(text.circles) };
}

/** The same as a merge patch: null takes a rule away that was there before. */
export function targetingPatch(text: TargetingText, before: Targeting | null) {
  const { terms, within } = targetingRules(text);
  const gone = Object.keys(before?.terms ?? {}).filter((name) => terms[name] === undefined);
  return { terms: { ...terms, ...Object.fromEntries(gone.map((name) => [name, null])) }, within };
}

/** @throws ApiProblem naming the line that is no circle */
export function circlesOf(text: string): Targeting['within'] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .map((line, i) => ({ line, number: i + 1 }))
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => {
      const [lat, lon, km, ...rest] = line.split(/[\s,;]+/).map(Number);
      const inside = Math.abs(lat ?? 99) <= 90 && Math.abs(lon ?? 999) <= 180 && (km ?? 0) > 0 && rest.length === 0;
      if (inside) return { lat: lat!, lon: lon!, km: km! };
      const detail = `Line ${number} is not a circle: latitude, longitude and kilometres, such as 52.52, 13.40, 25.`;
      throw new ApiProblem(0, { code: 'invalid_field', detail, field: 'targeting.within' });
    });
}

/** What a targeting says, for a row of a table. */
export function targetingSummary({ terms, within, dayparting }: Targeting): readonly string[] {
  const shown = (name: string, words: readonly string[]): string => {
    const read = words.slice(0, 5).map((word) => targetingTable[name]?.choices?.[word] ?? word);
    return read.join(', ') + (words.length > 5 ? ` and ${words.length - 5} more` : '');
  };
  const parts = Object.entries(terms).map(([name, { include, exclude }]) => {
    const only = include.length === 0 ? '' : shown(name, include);
    const never = exclude.length === 0 ? '' : `not ${shown(name, exclude)}`;
    return `${targetingTable[name]?.label ?? name}: ${[only, never].filter((part) => part !== '').join('; ')}`;
  });
  if (within.length > 0) parts.push(within.length === 1 ? 'Inside a circle' : `Inside ${within.length} circles`);
  if (dayparting !== null) parts.push('Some hours');
  return parts;
}
