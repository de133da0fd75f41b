import type { LogRecord } from '../../core/eventlog.ts';
import type { NodeLedger } from '../../core/ledger.ts';
import { type PacingMessage, pacingMessageSchema } from '../../core/topics.ts';
import { type SharedPace, writePace } from '../shared/pace.ts';
import type { LineSlots } from './slots.ts';

/** Applies the pacer's messages: grants to the ledger, multipliers and budget paths to the bid threads. */
export interface PacingFeed {
  apply(record: LogRecord): void;
}

export function createPacingFeed(
  ledger: NodeLedger,
  pace: SharedPace,
  slots: LineSlots,
  onInvalid: (key: string, why: string) => void,
): PacingFeed {
  const last = new Map<string, { epoch: number; sequence: number }>();

  function isNews(message: PacingMessage): boolean {
    const known = last.get(message.owner);
    if (known !== undefined) {
      const older =
        message.epoch < known.epoch || (message.epoch === known.epoch && message.sequence <= known.sequence);
      if (older) return false;
    }
    last.set(message.owner, { epoch: message.epoch, sequence: message.sequence });
    return true;
  }

  function applyOne(message: PacingMessage): void {
    ledger.applyPacing(message);
    if (!isNews(message)) return;
    for (const item of message.lineItems) {
      const slot = slots.of(item.lineItemId);
      if (slot < 0) continue;
      const cells = item.cells.map((cell) => ledger.slotOf(cell));
      writePace(pace, slot, item.multiplierPpm, item.passPpm, cells);
    }
  }

  return {
    apply({ key, value }) {
      if (value === null) return;
      const message = readMessage(value);
      if (typeof message === 'string') onInvalid(key, message);
      else applyOne(message);
    },
  };
}

function readMessage(value: Buffer): PacingMessage | string {
  try {
    const parsed = pacingMessageSchema.safeParse(JSON.parse(value.toString('utf8')));
    return parsed.success ? parsed.data : (parsed.error.issues[0]?.message ?? 'invalid');
  } catch {
    return 'not JSON';
  }
}
