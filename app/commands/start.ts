import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { exitCodes } from '../../core/exitcodes.ts';
import { type Context, createContext, settingFlags } from '../context.ts';
import { NICENESS } from '../priority.ts';
import { loadSecrets } from '../secrets.ts';
import { createStatusLine } from '../statusline.ts';
import { createSupervisor, type Supervisor } from '../supervisor.ts';
import { version } from '../version.ts';

/**
 * `evenkeel start`: the whole product on one machine. Two child processes, bidder and reporting, plus simulated
 * exchange traffic when there is no configuration file. Stops cleanly on Ctrl-C.
 */
export async function startCommand(args: readonly string[]): Promise<number | null> {
  const context = createContext('start', args, ['config']);
  const startedMs = context.clock.monotonicMs();
  // Created here, so that the children find the same file and do not race for it.
  const secrets = loadSecrets(context.config);
  const demo = context.configFile === null;
  const status = createStatusLine(process.stdout, process.stdout.isTTY === true);
  const supervisor = createSupervisor(
    {
      onMessage: (role, message) => {
        if (message.kind === 'status') status.update(role, message.numbers);
        if (message.kind === 'reload') supervisor.signal('SIGHUP');
      },
      onCrash: (role, how, restartMs) =>
        status.print(
          restartMs === null
            ? `${role} ended again (${how}) and is given up; see the log above, correct the cause, and start again.`
            : `${role} ended unexpectedly (${how}); starting it again in ${restartMs} ms.`,
        ),
    },
    context.clock,
  );
  stopOnSignals(supervisor, status.close);
  try {
    await startRoles(context, supervisor, demo, secrets.operatorKey, startedMs);
  } catch (error) {
    console.error(
      `evenkeel: not started: ${messageOf(error).replace(/\.$/, '')}. The lines above say more; \`evenkeel doctor\` looks at this machine.`,
    );
    await supervisor.stop();
    return exitCodes.failed.code;
  }
  status.start();
  return null;
}

async function startRoles(
  context: Context,
  supervisor: Supervisor,
  demo: boolean,
  operatorKey: string,
  startedMs: number,
): Promise<void> {
  const traffic = demo && context.config.demoTraffic;
  // Exchanges are simulated here, by the demo or a load test: they stand between us and their users, as a proxy would, and
  // name the users' addresses.
  const named = demo && context.loaded.origins.trustForwardedFor === 'default';
  const flags = [...childFlags(context), ...(named ? ['--trust-forwarded-for'] : [])];
  const [reporting, bidder] = await Promise.all([
    supervisor.start({
      name: 'reporting',
      args: ['run', '--role=reporting', ...(demo ? ['--seed-demo'] : []), ...flags],
      niceness: NICENESS.reporting,
    }),
    supervisor.start({ name: 'bidder', args: ['run', '--role=bidder', ...flags], niceness: NICENESS.bidder }),
  ]);
  const bidUrl = bidder.urls.bid ?? '';
  const apiUrl = reporting.urls.api ?? '';
  if (demo) await firstBid(bidUrl, context.clock);
  console.log(banner(bidUrl, apiUrl, operatorKey, [...reporting.notes, ...bidder.notes], context.clock, startedMs));
  if (!traffic) return;
  await supervisor.start({
    name: 'demo',
    args: ['run', '--role=demo', `--bid-url=${bidUrl}`, ...flags],
    niceness: NICENESS.demo,
  });
  console.log(
    `Demo traffic: ${context.config.demoRate} requests/s from a simulated exchange. Stop everything with Ctrl-C.\n`,
  );
}

/**
 * What the children are given. Somebody watches this terminal: unless asked for, only warnings interrupt, and no load
 * balancer is waited for.
 */
function childFlags(context: Context): string[] {
  const { loaded, configFile } = context;
  const quiet = loaded.origins.logLevel === 'default' ? ['--log-level=warn'] : [];
  const atOnce = loaded.origins.drainMs === 'default' ? ['--drain-ms=0'] : [];
  return [...settingFlags(loaded), ...quiet, ...atOnce, ...(configFile === null ? [] : [`--config=${configFile}`])];
}

/** A request that the demo's campaigns answer, small enough to paste. */
export const sampleRequest = {
  id: 'hello-1',
  imp: [{ id: '1', banner: { format: [{ w: 300, h: 250 }] }, bidfloor: 0.1, secure: 1 }],
  site: { domain: 'news.example', page: 'https://news.example/today', cat: ['IAB12'] },
  device: { ua: 'Mozilla/5.0', ip: '203.0.113.7', devicetype: 2, geo: { country: 'USA' } },
  user: { id: 'visitor-1' },
  tmax: 100,
};

/**
 * Waits until the demo's campaigns bid: a bid server is ready before the pacer has given it its first credit, and answers
 * 204 until then. Asks with `test`, which spends nothing; goes on after `FIRST_BID_WITHIN_MS` in any case.
 */
async function firstBid(bidUrl: string, clock: Clock): Promise<void> {
  const body = JSON.stringify({ ...sampleRequest, test: 1 });
  const headers = { 'content-type': 'application/json' };
  const untilMs = clock.monotonicMs() + FIRST_BID_WITHIN_MS;
  while (clock.monotonicMs() < untilMs) {
    // A bidder that ended is started again: that is told elsewhere.
    const answer = await fetch(`${bidUrl}/openrtb2/bid/demo`, { method: 'POST', headers, body }).catch(() => null);
    await answer?.body?.cancel();
    if (answer !== null && answer.status !== 204) return;
    await setTimeout(FIRST_BID_EVERY_MS);
  }
}
const FIRST_BID_WITHIN_MS = 10_000;
const FIRST_BID_EVERY_MS = 20;

function banner(
  bidUrl: string,
  apiUrl: string,
  operatorKey: string,
  notes: readonly string[],
  clock: Clock,
  startedMs: number,
): string {
  const seconds = ((clock.monotonicMs() - startedMs) / 1000).toFixed(1);
  return `
Evenkeel ${version} is ready after ${seconds} s.

  Dashboard   ${apiUrl}/#key=${operatorKey}
  Bids        ${bidUrl}/openrtb2/bid/demo
  API         ${apiUrl}/api/v1  (Authorization: Bearer ${operatorKey})
  Metrics     ${bidUrl}/metrics  ${apiUrl}/metrics
${notes.map((note) => `  Note        ${note}\n`).join('')}
Ask for a bid:

  curl -s ${bidUrl}/openrtb2/bid/demo -H 'content-type: application/json' -d '${JSON.stringify(sampleRequest)}'
`;
}

function stopOnSignals(supervisor: Supervisor, closeStatus: () => void): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    closeStatus();
    console.log('\nStopping: open requests are answered, events are written …');
    void supervisor.stop().then(() => {
      console.log('Stopped.');
      process.exit(exitCodes.ok.code);
    });
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // A terminal that closes ends everything, as Ctrl-C does; without one it means: read the configuration again.
  process.on('SIGHUP', () => {
    if (process.stdout.isTTY === true) stop();
    else supervisor.signal('SIGHUP');
  });
}
