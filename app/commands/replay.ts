import { CodedError, messageOf } from '../../core/errors.ts';
import { exitCodes } from '../../core/exitcodes.ts';
import { replay } from '../../reporting/ingest/replay.ts';
import { createTrafficScorer } from '../../reporting/ingest/traffic.ts';
import { createContext } from '../context.ts';
import { openLog } from '../log.ts';
import { ingestConfig } from '../roles/parts.ts';
import { openConfiguredStore } from '../store.ts';

/**
 * `evenkeel replay [--from=TIME] [--to=TIME]`: decides the log anew into a new table and swaps it in. Ingest must be
 * stopped meanwhile; bidding goes on. See docs/operating/recovery.md.
 */
export async function replayCommand(args: readonly string[]): Promise<number> {
  const context = createContext('replay', args, ['config', 'from', 'to']);
  const span = { ...time('from', context.own.from), ...time('to', context.own.to) };
  const log = await openLog(context);
  const store = await openConfiguredStore(context);
  try {
    const result = await replay(
      { ...ingestConfig(context), ...span },
      { log, store, scorer: createTrafficScorer(), onProgress: ({ done, total }) => drawBar(done, total) },
    );
    console.log(`\nreplayed ${result.replayed} events, kept ${result.copied} that the log no longer holds`);
    console.log(`before  ${describe(result.before)}\nafter   ${describe(result.after)}`);
    return exitCodes.ok.code;
  } finally {
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

function drawBar(done: number, total: number): void {
  const share = total === 0 ? 1 : done / total;
  const bar = '█'.repeat(Math.round(share * 30)).padEnd(30, '░');
  if (process.stdout.isTTY) process.stdout.write(`\r${bar} ${(share * 100).toFixed(0)} %`);
}

function describe(value: unknown): string {
  try {
    return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));
  } catch (error) {
    return messageOf(error);
  }
}
