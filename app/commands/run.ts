import { CodedError } from '../../core/errors.ts';
import { changedSettings } from '../config/describe.ts';
import { type Context, createContext } from '../context.ts';
import { version } from '../version.ts';

/** Each role is loaded only when it runs: a bidder must never load ClickHouse. */
const roles: Readonly<Record<string, () => Promise<(context: Context) => Promise<void>>>> = {
  bidder: async () => (await import('../roles/bidder.ts')).runBidder,
  reporting: async () => (await import('../roles/reporting.ts')).runReporting,
  ingest: async () => (await import('../roles/ingest.ts')).runIngest,
  pacer: async () => (await import('../roles/pacer.ts')).runPacer,
  api: async () => (await import('../roles/api.ts')).runApi,
  demo: async () => (await import('../roles/demo.ts')).runDemo,
};

/** `evenkeel run --role=ROLE`: one process with one role. */
export async function runCommand(args: readonly string[]): Promise<null> {
  const role = args.map((arg) => /^--role=(.+)$/.exec(arg)?.[1]).find((name) => name !== undefined) ?? '';
  const load = roles[role];
  if (load === undefined) {
    throw new CodedError(
      'arguments.invalid',
      role === '' ? 'no role was given.' : `"${role}" is not a role.`,
      `Use --role=${Object.keys(roles).join('|')}.`,
    );
  }
  const run = await load();
  const context = createContext(role, args, ['config', 'role', 'seed-demo!', 'bid-url']);
  context.logger.info({ version, settings: changedSettings(context.loaded) }, 'starting');
  await run(context);
  return null;
}
