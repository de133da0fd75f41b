import { options } from './optiontable.ts';

const INTRO = `Load-tests an OpenRTB bidder: open-loop traffic, a simulated exchange, gates, an honest report.

Usage: evenkeel loadtest [run] [options]           one test
       evenkeel loadtest smoke [options]           30 s at 200/s with gates, for CI
       evenkeel loadtest find-limit [options]      the highest rate that keeps the gates
       evenkeel loadtest soak --for 8h [options]   long run: drift of latency, and the sender's memory and files
       evenkeel loadtest compare A.json B.json …   verdict under noise; several runs of each side: A1,A2 B1,B2
       evenkeel loadtest record --listen PORT --url URL --out FILE   proxy that keeps the requests it forwards
       evenkeel loadtest self-check                what this sender adds to latencies on this machine

Exit codes: 0 passed, 1 the test itself failed, 99 a gate or the audit failed, 104 bad options.`;

/** The text of `--help`, from the table of options. */
export function helpText(): string {
  const lines = [INTRO];
  let group = '';
  for (const [name, option] of Object.entries(options)) {
    if (option.group !== group) lines.push('', `${option.group}:`);
    group = option.group;
    const left = `  --${name}${option.value === '' ? '' : ` ${option.value}`}`;
    const about = wrap(`${option.about}${option.repeat ? '; repeatable' : ''}`, 80);
    lines.push(left.length > 30 ? `${left}\n${' '.repeat(32)}${about[0]}` : `${left.padEnd(32)}${about[0]}`);
    for (const more of about.slice(1)) lines.push(`${' '.repeat(32)}${more}`);
  }
  return `${lines.join('\n')}\n`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
