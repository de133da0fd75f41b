import { CodedError } from '../../core/errors.ts';
import { exitCodes } from '../../core/exitcodes.ts';
import { type ReplayResult, replay } from '../../reporting/ingest/replay.ts';
import { followWindows } from '../../reporting/ingest/windows.ts';
import { createContext } from '../context.ts';
import { openLog } from '../log.ts';
import { ingestConfig } from '../roles/parts.ts';
import { openConfiguredStore } from '../store.ts';
import { configuredScorer } from '../traffic.ts';

/**
 * `evenkeel replay [--from=TIME] [--to=TIME]`: decides the log anew into a new table and swaps it in. Ingest must be
 * stopped meanwhile; bidding goes on. See docs/operating/recovery.md.
 */
export async function replayCommand(args: readonly string[]): Promise<number> {
  const context = createContext('replay', args, ['config', 'from', 'to']);
  const span = { ...time('from', context.own.from), ...time('to', context.own.to) };
  const log = await openLog(context);
  const store = await openConfiguredStore(context);
  const windows = await followWindows(log, (error) => context.logger.warn({ error }, 'campaigns not followed'));
  try {
    const result = await replay(
      { ...ingestConfig(context), ...span, windowsOf: windows.windowsOf },
      {
        log,
        store,
        scorer: configuredScorer(context.config, context),
        onProgress: ({ done, total }) => drawBar(done, total),
      },
    );
    console.log(`\nreplayed ${result.replayed} events, kept ${result.copied} as they were`);
    console.log(reconciliation(result));
    return result.after.faults.length === 0 ? exitCodes.ok.code : exitCodes.failed.code;
  } finally {
    await windows.stop();
    await store.close();
    await log.close();
  }
}

/** `evenkeel migrate`: brings the store's schema up to date; also done at every start. */
export async function migrateCommand(args: readonly string[]): Promise<number> {
  const context = createContext('migrate', args, ['config']);
  const store = await openConfiguredStore(context);
  await store.close();
  console.log('ok: the store has the schema of this version');
  return exitCodes.ok.code;
}

function time(name: 'from' | 'to', text: string | undefined): Record<string, number> {
  if (text === undefined) return {};
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) {
    throw new CodedError(
      'arguments.invalid',
      `--${name}: "${text}" is not a time.`,
      'Use 2026-11-22 or 2026-11-22T10:00:00Z.',
    );
  }
  return { [`${name}Ms`]: ms };
}

let drawnTenths = 0;
function drawBar(done: number, total: number): void {
  const share = total === 0 ? 1 : done / total;
  const bar = '█'.repeat(Math.round(share * 30)).padEnd(30, '░');
  const line = `${bar} ${(share * 100).toFixed(0)} % (${done} of ${total} events)`;
  if (process.stdout.isTTY) process.stdout.write(`\r${line}`);
  // In a file one line for each tenth: it is read afterwards.
  else if (Math.floor(share * 10) > drawnTenths) console.log(line);
  drawnTenths = Math.floor(share * 10);
}

/** The old table beside the new one, and whether the new one is in its place. */
function reconciliation({ before, after }: ReplayResult): string {
  const row = (name: string, from: number | bigint, to: number | bigint): string =>
    `${name.padEnd(12)} ${String(from).padStart(20)} ${String(to).padStart(20)} ${String(BigInt(to) - BigInt(from)).padStart(16)}`;
  const lines = [
    `${''.padEnd(12)} ${'before'.padStart(20)} ${'after'.padStart(20)} ${'difference'.padStart(16)}`,
    row('rows', before.rows, after.rows),
    row('accepted', before.accepted, after.accepted),
    row('billed nanos', before.billedNanos, after.billedNanos),
  ];
  if (after.faults.length === 0) return [...lines, 'The new table is faultless and in place.'].join('\n');
  return [...lines, 'The new table has faults, so nothing was changed:', ...after.faults].join('\n');
}
