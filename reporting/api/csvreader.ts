import { invalidField } from './problem.ts';

/**
 * Reads RFC 4180 text: quoted cells may hold commas, line breaks and doubled quotes. Empty lines are left out.
 * @throws Problem invalid_field for an unclosed quote or too many rows
 */
export function parseCsv(text: string, maxRows: number): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  const endRow = (): void => {
    row.push(cell);
    cell = '';
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
    if (rows.length > maxRows) throw invalidField('(body)', `may have at most ${maxRows} lines`);
  };
  const start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  for (let i = start; i < text.length; i++) {
    const character = text[i]!;
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[i + 1] === '"') {
        cell += '"';
        i += 1;
      } else quoted = false;
    } else if (character === '"' && cell === '') quoted = true;
    else if (character === ',') {
      row.push(cell);
      cell = '';
    } else if (character === '\n') endRow();
    else if (character !== '\r') cell += character;
  }
  if (quoted) throw invalidField('(body)', `line ${rows.length + 1} has a quote that is not closed`);
  if (cell !== '' || row.length > 0) endRow();
  return rows;
}
