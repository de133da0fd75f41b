import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { CodedError } from '../../core/errors.ts';
import { systemRandom } from '../../core/random.ts';
import { startBidder } from '../../engine/bidder.ts';
import { type BidderConfig, type BidderReload, defaultBidderConfig, defaultLimits } from '../../engine/config.ts';
import { lowerMainThread } from '../../engine/main/priority.ts';
import { defaultVendor } from '../../engine/privacy/decision.ts';
import { readExchangeProfiles } from '../../engine/profiles.ts';
import type { Config } from '../config/table.ts';
import type { Context } from '../context.ts';
import { closing, dieOf, stopOnSignal } from '../lifecycle.ts';
import { bidderAudiences, openBidderLog } from '../log.ts';
import { tellSupervisor } from '../messages.ts';
import { registerProcessMetrics } from '../metrics/register.ts';
import { portFault } from '../ports.ts';
import { reloadOnHangup } from '../reload.ts';
import { loadSecrets, type Secrets } from '../secrets.ts';
import { withStopFile } from '../stopfile.ts';
import { MAX_TRACES_PER_SECOND, startTracing } from '../tracing/tracing.ts';
import { version } from '../version.ts';

const STOP_FILE_POLL_MS = 200;

/** The bid server: answers exchanges, holds this node's share of every budget. */
export async function runBidder(context: Context): Promise<void> {
  const { config, clock, logger } = context;
  const secrets = loadSecrets(config);
  const metrics = new Registry();
  registerProcessMetrics(metrics, { version, role: 'bidder' });
  await refuseTakenPort(config.host, config.bidPort);
  const tracing = startTracing(context, 'bidder', metrics);
  const { log: durable, mayBid } = openBidderLog(context, metrics);
  /** Scopes that the spend limit stops. */
  let limited: readonly string[] = [];
  const stopFile = { path: join(config.dataDir, 'stop'), pollMs: STOP_FILE_POLL_MS, also: () => limited, logger };
  const log = withStopFile(durable, stopFile);
  const bidder = await startBidder(bidderConfig(config, secrets), {
    log,
    clock,
    random: systemRandom(),
    logger,
    metrics,
    mayBid,
    onSpans: tracing.add,
    onSpendLimited(advertiserIds) {
      limited = advertiserIds.map((id) => `advertiser:${id}`);
    },
    onFatal: dieOf('the bidder', logger),
  });
  reloadOnHangup(context, metrics, (changed) => bidder.reconfigure(liveSettings(changed)));
  lowerMainThread();
  stopOnSignal({ tracing, log: closing(log), bidder }, logger);
  tellSupervisor({
    kind: 'ready',
    urls: { bid: config.publicBidUrl || `http://${config.host}:${bidder.port}` },
    notes:
      bidder.transport === 'node:http'
        ? ['µWebSockets.js did not load; bids are served by node:http, several times slower']
        : [],
  });
}

/** What the configuration says to the engine. */
function bidderConfig(config: Config, secrets: Secrets): BidderConfig {
  return {
    ...defaultBidderConfig,
    host: config.host,
    port: config.bidPort,
    threads: config.bidThreads === 0 ? Math.max(1, availableParallelism() - 1) : config.bidThreads,
    publicBaseUrl: config.publicBidUrl,
    tokenKeys: secrets.tokenKeys,
    ...liveSettings(config),
    limits: { ...defaultLimits, maxBodyBytes: config.maxBodyBytes, maxConnections: config.maxConnections },
    operatorKeyHashes: [createHash('sha256').update(secrets.operatorKey).digest('hex')],
    ledger: {
      mode: config.budgetMode === 'strict' ? 'strict' : 'standard',
      releaseAfterMs: config.reservationTimeoutMs,
    },
    drainMs: config.drainMs,
    tokenLifetimeMs: config.tokenLifetimeMs,
    clickLifetimeMs: config.clickLifetimeMs,
    currencies: { USD: 1, ...(config.currencies as Readonly<Record<string, number>>) },
    trustForwardedFor: config.trustForwardedFor,
    privacy: {
      vendor: { ...defaultVendor, vendorId: config.tcfVendorId },
      withoutBasis: config.bidWithoutConsent === 'no_bid' ? 'no_bid' : 'contextual',
    },
    users: {
      ...defaultBidderConfig.users,
      salt: secrets.userSalt.secret,
      saltPeriodMs: secrets.userSalt.periodMs,
      ...bidderAudiences(config),
      fingerprint: config.userFingerprint,
    },
    learning: { ...defaultBidderConfig.learning, path: join(config.dataDir, 'learned.bin') },
    time: { scale: config.timeScale, originMs: config.timeOriginMs },
    version,
    traces: config.tracesUrl === '' ? null : { ratio: config.tracesRatio, maxPerSecond: MAX_TRACES_PER_SECOND },
  };
}

/** The part of it that may change while the bidder runs. */
function liveSettings(config: Config): BidderReload {
  return {
    exchanges: readExchangeProfiles(config.exchanges),
    maxLagMs: config.maxLagMs,
    spendLimitNanos: config.spendLimitMicros * 1000,
  };
}

/**
 * Bid threads share their port, so the system would let a second bidder share it too, and requests would go to either.
 * @throws CodedError `bid_port_taken`
 */
async function refuseTakenPort(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const fault = await portFault(host, port);
  if (fault === null) return;
  throw new CodedError(
    'bid_port_taken',
    `port ${port} of ${host} can not be used: ${fault}.`,
    'Choose another with --bid-port.',
  );
}
