import { gzipSync } from 'node:zlib';
import type { Nanos } from '../../core/money.ts';
import { cpmToNanos } from '../../core/money.ts';
import type { Random } from '../../core/random.ts';
import type { AuctionContext } from '../market/market.ts';
import type { Shot } from '../send/sender.ts';
import type { Json, RequestGenerator } from './generator.ts';

/** A request in flight: what the market needs, and the slot that must not be reused meanwhile. */
export interface RequestContext extends AuctionContext {
  auctionId: string;
  busy: boolean;
}

/** Requests for the sender, ready as bytes. */
export interface ShotSource {
  /** Makes requests ahead of the run, so that making them does not cost time in it. */
  prepare(count: number): void;
  next(): Shot<RequestContext>;
  done(context: RequestContext): void;
}

export interface HttpTarget {
  readonly url: URL;
  /** Further header lines, `Name: value`. */
  readonly headers: readonly string[];
  /** Compress bodies: each request is then compressed anew, because its id is new. */
  readonly gzip: boolean;
}

const ID_DIGITS = 32;

/**
 * Generated requests. The first `corpus` are rendered as they are needed and then used again in turn, each time with a
 * new auction id, so that at high rates sending costs a copy of 32 bytes instead of building JSON.
 */
export function createGeneratedSource(
  generator: RequestGenerator,
  corpus: number,
  target: HttpTarget,
  random: Random,
): ShotSource {
  return createRotation(corpus, random, target, () => generator.next('0'.repeat(ID_DIGITS)));
}

/** Requests from a file, in order, again from the start when used up. Their `id` is replaced by a new one each time. */
export function createReplaySource(requests: readonly Json[], target: HttpTarget, random: Random): ShotSource {
  let at = 0;
  return createRotation(requests.length, random, target, () => ({
    ...requests[at++ % requests.length]!,
    id: '0'.repeat(ID_DIGITS),
  }));
}

interface Slot {
  readonly bytes: Buffer;
  readonly bodyAt: number;
  readonly idOffsets: readonly number[];
  readonly about: RequestContext;
}

function createRotation(size: number, random: Random, target: HttpTarget, make: () => Json): ShotSource {
  const slots: Slot[] = [];
  let turn = 0;
  const runPrefix =
    random.nextUint32().toString(16).padStart(8, '0') + random.nextUint32().toString(16).padStart(8, '0');
  let count = 0;
  return {
    prepare(wanted) {
      while (slots.length < Math.min(wanted, size)) slots.push(render(make(), target));
    },
    next() {
      let slot: Slot | undefined;
      for (let tries = 0; tries < 16 && slot === undefined && slots.length >= size; tries++) {
        const candidate = slots[turn++ % slots.length]!;
        if (!candidate.about.busy) slot = candidate;
      }
      if (slot === undefined) {
        slot = render(make(), target);
        if (slots.length < size) slots.push(slot);
      }
      const id = runPrefix + (count++).toString(16).padStart(16, '0');
      for (const offset of slot.idOffsets) slot.bytes.write(id, offset, 'latin1');
      slot.about.auctionId = id;
      slot.about.busy = true;
      return target.gzip ? { bytes: compress(slot, target), about: slot.about } : slot;
    },
    done(context) {
      // Whatever a collection finds alive makes it longer, and a collection makes requests late.
      context.auctionId = '';
      context.busy = false;
    },
  };
}

/** The whole HTTP message for a request, and where its id stands in it. */
function render(request: Json, target: HttpTarget): Slot {
  const body = Buffer.from(JSON.stringify(request));
  const head = headOf(target, body.length);
  const bytes = Buffer.concat([head, body]);
  const placeholder = `"${'0'.repeat(ID_DIGITS)}"`;
  const idOffsets: number[] = [];
  for (let at = bytes.indexOf(placeholder); at >= 0; at = bytes.indexOf(placeholder, at + 1)) idOffsets.push(at + 1);
  return { bytes, bodyAt: head.length, idOffsets, about: contextOf(request) };
}

function compress(slot: Slot, target: HttpTarget): Buffer {
  const body = gzipSync(slot.bytes.subarray(slot.bodyAt), { level: 1 });
  return Buffer.concat([headOf(target, body.length), body]);
}

function headOf({ url, headers, gzip }: HttpTarget, bodyBytes: number): Buffer {
  const lines = [
    `POST ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Content-Type: application/json',
    'x-openrtb-version: 2.6',
    ...(gzip ? ['Content-Encoding: gzip'] : []),
    ...headers,
    `Content-Length: ${bodyBytes}`,
    '',
    '',
  ];
  return Buffer.from(lines.join('\r\n'));
}

function contextOf(request: Json): RequestContext {
  const floors = new Map<string, Nanos>();
  for (const imp of Array.isArray(request.imp) ? (request.imp as Json[]) : []) {
    const floor = typeof imp.bidfloor === 'number' ? (cpmToNanos(imp.bidfloor) ?? 0) : 0;
    floors.set(String(imp.id), floor);
  }
  const [device, user] = [(request.device ?? {}) as Json, (request.user ?? {}) as Json];
  return {
    auctionId: '',
    busy: false,
    floors,
    userAgent: text(device.ua),
    ip: text(device.ip),
    userId: text(user.buyeruid) || text(user.id) || text(device.ifa),
  };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
