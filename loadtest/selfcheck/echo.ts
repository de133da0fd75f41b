import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import process from 'node:process';
import { answerUsage } from '../../core/benchusage.ts';
import { systemClock } from '../../core/clock.ts';
import { createTakenSum } from './corewatch.ts';
import { machineOffsetMs, STAMP_HEADER, TAKEN_HEADER } from './stamp.ts';

// The least a server can do, in a process of its own: answers 204 to every request, with the time at which it did. It sleeps
// for moments only, as a precise sender does, and is there when the next request comes.

const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = Buffer.from('Content-Length: ');
const CR = 13;
const LOOK_EVERY_MS = 0.02;

const offsetMs = machineOffsetMs(systemClock);
const taken = createTakenSum(systemClock);

function answer(socket: Socket): void {
  const takenUs = Math.round(taken() * 1000);
  const sentUs = Math.round((systemClock.monotonicMs() + offsetMs) * 1000);
  socket.write(
    `HTTP/1.1 204 No Content\r\n${TAKEN_HEADER}: ${takenUs}\r\n${STAMP_HEADER}: ${sentUs}\r\n\r\n`,
    'latin1',
  );
}

/** Knows only what our sender writes: a whole head in the first piece, a body of the length it says. */
function serve(socket: Socket): void {
  let missing = 0;
  socket.on('data', (piece) => {
    missing = missing > 0 ? missing - piece.length : bodyMissing(piece);
    if (missing <= 0) answer(socket);
  });
  socket.on('error', () => {});
}

function bodyMissing(piece: Buffer): number {
  const end = piece.indexOf(HEAD_END);
  const at = piece.indexOf(LENGTH) + LENGTH.length;
  return end + HEAD_END.length + Number(piece.latin1Slice(at, piece.indexOf(CR, at))) - piece.length;
}

const server = createServer({ noDelay: true }, serve);
// A port may be given, to compare with other load generators: `node echo.js 8099`.
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () =>
  process.send?.({ kind: 'ready', port: (server.address() as AddressInfo).port }),
);

const cell = new Int32Array(new SharedArrayBuffer(4));
function look(): void {
  Atomics.wait(cell, 0, 0, LOOK_EVERY_MS);
  setImmediate(look);
}
look();
answerUsage(() => process.exit(0));
