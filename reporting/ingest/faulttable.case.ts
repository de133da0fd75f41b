import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `npm run test:faults` takes the long form and writes down what it found. */
export const long = process.env.EVENKEEL_FAULTS === 'long';

const page = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'docs', 'reliability.md');
const begin = '<!-- faults -->';
const end = '<!-- /faults -->';

/** Puts one line into the table of docs/reliability.md. Called after the assertions: a line says that they held. */
export function recordFault(fault: string, fired: number, events: number, result: string): void {
  console.log(`fault: ${fault}; fired ${fired}×; ${events} events; ${result}`);
  if (!long || !existsSync(page)) return;
  const text = readFileSync(page, 'utf8');
  const [head = '', rest = ''] = text.split(begin);
  const [table = '', tail = ''] = rest.split(end);
  const lines = table.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| Fault'));
  const others = lines.filter((line) => !line.startsWith('| ---') && !line.startsWith(`| ${fault} |`));
  const rows = [...others, `| ${fault} | ${fired} | ${events} | ${result} |`].sort();
  const header = ['| Fault | Fired | Events | Result |', '| --- | --- | --- | --- |'];
  writeFileSync(page, `${head}${begin}\n${[...header, ...rows].join('\n')}\n${end}${tail}`);
}
