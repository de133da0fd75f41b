import { type Logger, pino } from 'pino';

/** JSON lines on standard error, so that standard output stays for people. Never used on the bid path. */
export function createLogger(role: string, level: string): Logger {
  return pino(
    { level, base: { role, pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination(2),
  );
}
