import { CodedError } from '../../core/errors.ts';
import type { NewRecord } from '../../core/eventlog.ts';

/** Longest value of one record, of every adapter. */
const MAX_RECORD_BYTES = 1024 * 1024;
const MAX_KEY_BYTES = 1024;

/** Why records cannot be kept at all, or null. */
export function refuseRecords(records: readonly NewRecord[]): CodedError | null {
  const bad = records.find(
    ({ key, value }) => Buffer.byteLength(key) > MAX_KEY_BYTES || (value?.length ?? 0) > MAX_RECORD_BYTES,
  );
  if (bad === undefined) return null;
  return new CodedError(
    'record_too_large',
    `A record's key may have ${MAX_KEY_BYTES} bytes and its value ${MAX_RECORD_BYTES}.`,
    'Split the message.',
  );
}

export function logOverloaded(waitingBytes: number): CodedError {
  return new CodedError(
    'log_overloaded',
    `${waitingBytes} bytes already wait to be written.`,
    'Slow down and append again; if it stays, the disk or the brokers are too slow for the load.',
  );
}

export function logFull(): CodedError {
  return new CodedError(
    'log_full',
    'The events that still have to be read fill the log.',
    'Start what reads them and let it catch up, or allow the log more bytes.',
  );
}

export function logClosed(): CodedError {
  return new CodedError('log_closed', 'The event log is closed.', 'Open it again.');
}
