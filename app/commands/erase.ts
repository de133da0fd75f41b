import { CodedError } from '../../core/errors.ts';
import { exitCodes } from '../../core/exitcodes.ts';
import { readExchangeProfiles } from '../../engine/profiles.ts';
import { saltsSince } from '../../engine/users/salt.ts';
import { createContext } from '../context.ts';
import { audiencesPath, openLog } from '../log.ts';
import { erase, hashesOf } from '../ops/erase.ts';
import { loadSecrets } from '../secrets.ts';
import { openConfiguredStore } from '../store.ts';

/** Nothing older still names a user: `personalRetentionMs` takes users out of what is kept for longer. */
const OLDEST_MS = 5 * 365 * 86_400_000;

/**
 * `evenkeel erase ID…`: takes users out of audiences, event log and ClickHouse, and prints a report. With the embedded
 * ClickHouse the reporting process must be stopped meanwhile; bidding goes on. See docs/operating/privacy.md.
 */
export async function eraseCommand(args: readonly string[]): Promise<number> {
  const context = createContext('erase', args, ['config']);
  const { config, words, clock } = context;
  if (words.length === 0 || words.length > 100)
    throw new CodedError('arguments.invalid', 'between 1 and 100 user ids are needed.', 'Use: evenkeel erase ID…');
  const { tokenKeys, userSalt } = loadSecrets(config);
  const exchanges = readExchangeProfiles(config.exchanges).map(({ name }) => name);
  const nowMs = Math.floor(clock.nowMs());
  const users = hashesOf(words, exchanges, saltsSince(userSalt, nowMs - OLDEST_MS, nowMs));
  const store = await openConfiguredStore(context);
  const log = await openLog(context);
  try {
    const report = await erase(users, {
      log,
      store,
      audiencesPath: audiencesPath(config),
      keys: tokenKeys,
      nowMs,
    });
    console.log(JSON.stringify(report, null, 1));
    for (const { keptUntilMs } of [report.log, report.drawn]) {
      if (keptUntilMs === null) continue;
      const until = keptUntilMs === 'for ever' ? 'never by itself' : `by ${new Date(keptUntilMs).toISOString()}`;
      console.error(
        `Kafka can not change records: the last that names the user leaves ${until}. Until then do not replay.`,
      );
    }
    return exitCodes.ok.code;
  } finally {
    await log.close();
    await store.close();
  }
}
