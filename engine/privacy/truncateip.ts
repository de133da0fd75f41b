/**
 * An address that no longer names a device: IPv4 keeps its first 24 bits, IPv6 its first 48 (an IPv4 address written as
 * IPv6 is truncated as IPv4).
 * @returns '' for anything that is not an address. Never throws
 */
export function truncateIp(ip: string): string {
  if (ip.length > 45) return '';
  if (!ip.includes(':')) return truncateV4(ip);
  const mapped = /^::ffff:(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})$/i.exec(ip)?.[1];
  if (mapped !== undefined) return truncateV4(mapped);
  return truncateV6(ip);
}

function truncateV4(ip: string): string {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(ip);
  if (match === null) return '';
  for (let i = 1; i <= 4; i++) if (Number(match[i]) > 255) return '';
  return `${match[1]}.${match[2]}.${match[3]}.0`;
}

function truncateV6(ip: string): string {
  if (!/^[0-9a-f:.]+$/i.test(ip)) return '';
  const gap = ip.indexOf('::');
  if (gap !== ip.lastIndexOf('::')) return '';
  const head = groups(gap < 0 ? ip : ip.slice(0, gap));
  const tail = gap < 0 ? [] : groups(ip.slice(gap + 2));
  if (head === null || tail === null) return '';
  const missing = 8 - head.length - tail.length;
  if (gap < 0 ? missing !== 0 : missing < 1) return '';
  const all = [...head, ...Array<string>(missing).fill('0'), ...tail];
  const kept = all.slice(0, 3).map((group) => Number.parseInt(group, 16).toString(16));
  return `${kept.join(':')}::`;
}

/** Hex groups; a dotted IPv4 tail stands for two of them. */
function groups(text: string): string[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const last = parts.at(-1) ?? '';
  if (last.includes('.')) {
    if (truncateV4(last) === '') return null;
    parts.splice(-1, 1, '0', '0');
  }
  return parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part)) ? parts : null;
}
