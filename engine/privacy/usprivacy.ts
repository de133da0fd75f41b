import type { UsVerdict } from './gpp.ts';

/**
 * The IAB US privacy string: version, notice, opt-out of sale, LSPA; for example `1YNN`. `-` means not applicable.
 * @returns `unreadable` for anything else
 */
export function readUsPrivacy(text: string, start: number, end: number): UsVerdict {
  if (end - start !== 4 || text.charCodeAt(start) !== 0x31) return 'unreadable';
  for (let at = start + 1; at < end; at++) if (!isAnswer(text.charCodeAt(at))) return 'unreadable';
  const optOut = text.charCodeAt(start + 2) | 0x20;
  return optOut === 0x79 ? 'opted_out' : 'allowed';
}

/** Y, N or a dash; lower case occurs in the wild. */
function isAnswer(code: number): boolean {
  const lower = code | 0x20;
  return lower === 0x79 || lower === 0x6e || code === 0x2d;
}
