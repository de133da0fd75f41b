const decimalSign =
  new Intl.NumberFormat(typeof navigator === 'undefined' ? 'en-US' : navigator.language)
    .formatToParts(0.5)
    .find(({ type }) => type === 'decimal')?.value ?? '.';

/** Micros as the text of an input, with the reader's decimal sign: 2500000 → "2.5". Empty for no limit. */
export function unitsOf(micros: number | null): string {
  if (micros === null) return '';
  const fraction = String(micros % 1_000_000)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const whole = Math.floor(micros / 1_000_000);
  return fraction === '' ? String(whole) : `${whole}${decimalSign}${fraction}`;
}

/**
 * What was typed, as exact micros; null for an empty field. A comma may stand for the decimal point.
 * @returns -1, which the API refuses by field, when it is not an amount
 */
export function microsOf(text: string): number | null {
  const trimmed = text.trim().replace(/[,٫]/, '.');
  if (trimmed === '') return null;
  const match = /^(\d{1,9})(?:\.(\d{0,6}))?$/.exec(trimmed);
  if (match === null) return -1;
  return Number(match[1]) * 1_000_000 + Number((match[2] ?? '').padEnd(6, '0'));
}
