import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { CodedError, messageOf } from '../../core/errors.ts';
import type { Json } from './generator.ts';

/** Largest request file read, bytes after unpacking. */
const MAX_FILE_BYTES = 512 * 1024 * 1024;

/**
 * Bid requests from a file of JSON lines, gzip or plain. Lines that are no bid request (an object with `imp`) are left
 * out and counted.
 * @throws CodedError `loadtest_bad_requests` when the file can not be read or holds no request
 */
export function readRequests(path: string): { readonly requests: readonly Json[]; readonly skipped: number } {
  let text: string;
  try {
    const bytes = readFileSync(path);
    const plain =
      bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes, { maxOutputLength: MAX_FILE_BYTES }) : bytes;
    text = plain.toString('utf8');
  } catch (error) {
    throw new CodedError(
      'loadtest_bad_requests',
      `${path}: ${messageOf(error)}.`,
      'Give a .jsonl or .jsonl.gz file.',
      error,
    );
  }
  const requests: Json[] = [];
  let skipped = 0;
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const request = parse(line);
    if (request === null) skipped += 1;
    else requests.push(request);
  }
  if (requests.length === 0) {
    throw new CodedError(
      'loadtest_bad_requests',
      `${path} holds no bid request.`,
      'Each line must be one JSON bid request.',
    );
  }
  return { requests, skipped };
}

function parse(line: string): Json | null {
  try {
    const value: unknown = JSON.parse(line);
    const isRequest = typeof value === 'object' && value !== null && Array.isArray((value as Json).imp);
    return isRequest ? (value as Json) : null;
  } catch {
    return null;
  }
}
