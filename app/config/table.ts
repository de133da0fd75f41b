/**
 * Every setting of the product, once: parsing, `--help`, `evenkeel config`, the start-up log and
 * docs/configuration.md are made from this table.
 */
export interface Setting<T> {
  /** Environment variable. */
  readonly env: string;
  /** Command-line flag without the dashes. */
  readonly flag: string;
  readonly type: SettingType;
  readonly fallback: T;
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  readonly oneOf?: readonly string[];
  /** Never printed. */
  readonly secret?: boolean;
  readonly group: string;
  readonly says: string;
}

/** `list` is comma-separated text; `json` an object, given in the file or as JSON text. */
export type SettingType = 'text' | 'integer' | 'number' | 'switch' | 'list' | 'json';

const text = (fallback: string, rest: Omit<Setting<string>, 'type' | 'fallback'>): Setting<string> => ({
  type: 'text',
  fallback,
  ...rest,
});
const integer = (fallback: number, rest: Omit<Setting<number>, 'type' | 'fallback'>): Setting<number> => ({
  type: 'integer',
  fallback,
  ...rest,
});
const onOff = (fallback: boolean, rest: Omit<Setting<boolean>, 'type' | 'fallback'>): Setting<boolean> => ({
  type: 'switch',
  fallback,
  ...rest,
});
const list = (rest: Omit<Setting<readonly string[]>, 'type' | 'fallback'>): Setting<readonly string[]> => ({
  type: 'list',
  fallback: [],
  ...rest,
});

const minute = 60_000;
const day = 24 * 60 * minute;

export const settings = {
  dataDir: text('data', {
    env: 'EVENKEEL_DATA_DIR',
    flag: 'data-dir',
    group: 'Process',
    says: 'Folder of the embedded log, the embedded ClickHouse and the generated secrets.',
  }),
  logLevel: text('info', {
    env: 'LOG_LEVEL',
    flag: 'log-level',
    oneOf: ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
    group: 'Process',
    says: 'Least severe log line that is written. Logs are JSON lines on standard error.',
  }),
  timeScale: {
    type: 'number',
    fallback: 1,
    env: 'EVENKEEL_TIME_SCALE',
    flag: 'time-scale',
    min: 1,
    max: 10_000,
    group: 'Process',
    says: 'Rehearsals only: the wall clock runs this many times as fast. All processes must share it.',
  } satisfies Setting<number> as Setting<number>,
  timeOriginMs: integer(0, {
    env: 'EVENKEEL_TIME_ORIGIN_MS',
    flag: 'time-origin-ms',
    unit: 'ms since 1970',
    min: 0,
    group: 'Process',
    says: 'Rehearsals only: when the scaled clock showed the true time.',
  }),

  host: text('127.0.0.1', {
    env: 'EVENKEEL_HOST',
    flag: 'host',
    group: 'Bid server',
    says: 'Address both servers listen on.',
  }),
  bidPort: integer(8080, {
    env: 'EVENKEEL_BID_PORT',
    flag: 'bid-port',
    min: 0,
    max: 65_535,
    group: 'Bid server',
    says: 'Port of the bid server; 0 takes a free one.',
  }),
  bidThreads: integer(0, {
    env: 'EVENKEEL_BID_THREADS',
    flag: 'bid-threads',
    min: 0,
    max: 256,
    group: 'Bid server',
    says: 'Bid worker threads; 0 takes one per core but one, at least one.',
  }),
  publicBidUrl: text('', {
    env: 'EVENKEEL_PUBLIC_BID_URL',
    flag: 'public-bid-url',
    group: 'Bid server',
    says: 'How exchanges and browsers reach the bid server, for notice and beacon links; empty: http://HOST:PORT.',
  }),
  exchanges: {
    type: 'json',
    fallback: {} as Readonly<Record<string, unknown>>,
    env: 'EVENKEEL_EXCHANGES',
    flag: 'exchanges',
    group: 'Bid server',
    says: 'Exchange profiles by name (see docs/exchange.md); `demo` exists unless it is redefined.',
  } as Setting<Readonly<Record<string, unknown>>>,
  currencies: {
    type: 'json',
    fallback: {} as Readonly<Record<string, unknown>>,
    env: 'EVENKEEL_CURRENCIES',
    flag: 'currencies',
    group: 'Bid server',
    says: 'What one unit of a currency is worth in US dollars, by ISO-4217 code; others are not bid in.',
  } as Setting<Readonly<Record<string, unknown>>>,
  maxLagMs: integer(50, {
    env: 'EVENKEEL_MAX_LAG_MS',
    flag: 'max-lag-ms',
    unit: 'ms',
    min: 5,
    max: 10_000,
    group: 'Bid server',
    says: 'A bid thread that is later than this answers 204 at once until it has caught up.',
  }),
  trustForwardedFor: onOff(false, {
    env: 'EVENKEEL_TRUST_FORWARDED_FOR',
    flag: 'trust-forwarded-for',
    group: 'Bid server',
    says: 'Take the caller’s address from the last entry of X-Forwarded-For: only behind a proxy of your own.',
  }),
  tcfVendorId: integer(0, {
    env: 'EVENKEEL_TCF_VENDOR_ID',
    flag: 'tcf-vendor-id',
    min: 0,
    max: 65_535,
    group: 'Bid server',
    says: 'Your id on the IAB Global Vendor List. 0: nobody is known where the GDPR applies, bids are contextual.',
  }),
  bidWithoutConsent: text('contextual', {
    env: 'EVENKEEL_BID_WITHOUT_CONSENT',
    flag: 'bid-without-consent',
    oneOf: ['contextual', 'no_bid'],
    group: 'Bid server',
    says: 'What to do with a request whose user did not consent.',
  }),
  userFingerprint: onOff(false, {
    env: 'EVENKEEL_USER_FINGERPRINT',
    flag: 'user-fingerprint',
    group: 'Bid server',
    says: 'Count users without an id by address and browser for frequency caps. Ask your lawyers first.',
  }),
  maxBodyBytes: integer(262_144, {
    env: 'EVENKEEL_MAX_BODY_BYTES',
    flag: 'max-body-bytes',
    unit: 'bytes',
    min: 1024,
    max: 16_777_216,
    group: 'Bid server',
    says: 'Largest bid request, also after decompression; a larger one is answered 413.',
  }),
  maxConnections: integer(10_000, {
    env: 'EVENKEEL_MAX_CONNECTIONS',
    flag: 'max-connections',
    min: 1,
    max: 1_000_000,
    group: 'Bid server',
    says: 'Most open requests per bid server; more are answered 503.',
  }),
  tokenKeys: {
    type: 'list',
    fallback: [] as readonly string[],
    env: 'EVENKEEL_TOKEN_KEYS',
    flag: 'token-keys',
    secret: true,
    group: 'Bid server',
    says: 'Signing keys `ID:HEX`, newest first, ID 0–255, at least 16 bytes; all are accepted, the first signs. Empty: generated in the data folder.',
  } as Setting<readonly string[]>,
  tokenLifetimeMs: integer(day, {
    env: 'EVENKEEL_TOKEN_LIFETIME_MS',
    flag: 'token-lifetime-ms',
    unit: 'ms',
    min: minute,
    max: 30 * day,
    group: 'Bid server',
    says: 'How long after its bid a notice can still bill.',
  }),
  userSalt: text('', {
    env: 'EVENKEEL_USER_SALT',
    flag: 'user-salt',
    secret: true,
    group: 'Bid server',
    says: 'Salts the hash of user ids, at least 16 characters; the same on every machine, else users, caps and audiences do not meet. Changing it forgets all users. Empty: generated in the data folder.',
  }),
  clickLifetimeMs: integer(7 * day, {
    env: 'EVENKEEL_CLICK_LIFETIME_MS',
    flag: 'click-lifetime-ms',
    unit: 'ms',
    min: minute,
    max: 90 * day,
    group: 'Bid server',
    says: 'How long after its bid a click still counts.',
  }),

  apiPort: integer(8090, {
    env: 'EVENKEEL_API_PORT',
    flag: 'api-port',
    min: 0,
    max: 65_535,
    group: 'API and dashboard',
    says: 'Port of the report API and the dashboard, and of health and metrics of the roles ingest and pacer; 0 takes a free one.',
  }),
  operatorKey: text('', {
    env: 'EVENKEEL_OPERATOR_KEY',
    flag: 'operator-key',
    secret: true,
    group: 'API and dashboard',
    says: 'API key with every right. Empty: generated in the data folder at the first start.',
  }),

  kafkaBrokers: list({
    env: 'KAFKA_BROKERS',
    flag: 'kafka-brokers',
    group: 'Event log',
    says: 'host:port of Kafka brokers. Empty: the embedded log in the data folder.',
  }),
  kafkaTls: onOff(false, {
    env: 'KAFKA_TLS',
    flag: 'kafka-tls',
    group: 'Event log',
    says: 'Connect to Kafka over TLS.',
  }),
  kafkaSaslMechanism: text('', {
    env: 'KAFKA_SASL_MECHANISM',
    flag: 'kafka-sasl-mechanism',
    oneOf: ['', 'plain', 'scram-sha-256', 'scram-sha-512'],
    group: 'Event log',
    says: 'SASL mechanism; empty for none.',
  }),
  kafkaSaslUsername: text('', {
    env: 'KAFKA_SASL_USERNAME',
    flag: 'kafka-sasl-username',
    group: 'Event log',
    says: 'SASL user.',
  }),
  kafkaSaslPassword: text('', {
    env: 'KAFKA_SASL_PASSWORD',
    flag: 'kafka-sasl-password',
    secret: true,
    group: 'Event log',
    says: 'SASL password.',
  }),
  kafkaTopicPrefix: text('', {
    env: 'KAFKA_TOPIC_PREFIX',
    flag: 'kafka-topic-prefix',
    group: 'Event log',
    says: 'Put before every topic name, for several installations on one cluster.',
  }),
  kafkaReplication: integer(1, {
    env: 'KAFKA_REPLICATION',
    flag: 'kafka-replication',
    min: 1,
    max: 9,
    group: 'Event log',
    says: 'Replication factor of topics that are created.',
  }),
  logPartitions: integer(4, {
    env: 'EVENKEEL_LOG_PARTITIONS',
    flag: 'log-partitions',
    min: 1,
    max: 1024,
    group: 'Event log',
    says: 'Partitions of the events topic when it is created. It cannot be changed later.',
  }),
  logRetentionMs: integer(7 * day, {
    env: 'EVENKEEL_LOG_RETENTION_MS',
    flag: 'log-retention-ms',
    unit: 'ms',
    min: 10 * minute,
    max: 400 * day,
    group: 'Event log',
    says: 'How long events stay in the log.',
  }),
  logMaxBytes: integer(20 * 2 ** 30, {
    env: 'EVENKEEL_LOG_MAX_BYTES',
    flag: 'log-max-bytes',
    unit: 'bytes',
    min: 2 ** 26,
    group: 'Event log',
    says: 'Largest size of the embedded log, and of the spool before Kafka.',
  }),

  clickhouseUrl: text('', {
    env: 'CLICKHOUSE_URL',
    flag: 'clickhouse-url',
    group: 'Store',
    says: 'URL of a ClickHouse server. Empty: the embedded engine in the data folder.',
  }),
  clickhouseUser: text('default', {
    env: 'CLICKHOUSE_USER',
    flag: 'clickhouse-user',
    group: 'Store',
    says: 'ClickHouse user.',
  }),
  clickhousePassword: text('', {
    env: 'CLICKHOUSE_PASSWORD',
    flag: 'clickhouse-password',
    secret: true,
    group: 'Store',
    says: 'ClickHouse password.',
  }),
  clickhouseDatabase: text('evenkeel', {
    env: 'CLICKHOUSE_DATABASE',
    flag: 'clickhouse-database',
    group: 'Store',
    says: 'ClickHouse database.',
  }),
  ingestBatchRecords: integer(20_000, {
    env: 'EVENKEEL_INGEST_BATCH_RECORDS',
    flag: 'ingest-batch-records',
    min: 1,
    max: 500_000,
    group: 'Store',
    says: 'Most events inserted as one block.',
  }),
  ingestFlushMs: integer(250, {
    env: 'EVENKEEL_INGEST_FLUSH_MS',
    flag: 'ingest-flush-ms',
    unit: 'ms',
    min: 10,
    max: 60_000,
    group: 'Store',
    says: 'Longest wait before events are inserted.',
  }),
  dedupeHorizonMs: integer(day, {
    env: 'EVENKEEL_DEDUPE_HORIZON_MS',
    flag: 'dedupe-horizon-ms',
    unit: 'ms',
    min: minute,
    max: 30 * day,
    group: 'Store',
    says: 'How long an event id is remembered; older events go to quarantine.',
  }),

  budgetMode: text('standard', {
    env: 'EVENKEEL_BUDGET_MODE',
    flag: 'budget-mode',
    oneOf: ['standard', 'strict'],
    group: 'Pacing',
    says: 'When a bid without an answer gives its reservation back: after a time-out (standard) or only on proof (strict).',
  }),
  reservationTimeoutMs: integer(2 * minute, {
    env: 'EVENKEEL_RESERVATION_TIMEOUT_MS',
    flag: 'reservation-timeout-ms',
    unit: 'ms',
    min: 1000,
    max: day,
    group: 'Pacing',
    says: 'Standard mode: the time-out of a reservation.',
  }),
  pacingRoundMs: integer(1000, {
    env: 'EVENKEEL_PACING_ROUND_MS',
    flag: 'pacing-round-ms',
    unit: 'ms',
    min: 100,
    max: 60_000,
    group: 'Pacing',
    says: 'Time between two decisions of the pacer.',
  }),
  leaseMs: integer(30_000, {
    env: 'EVENKEEL_LEASE_MS',
    flag: 'lease-ms',
    unit: 'ms',
    min: 1000,
    max: 3_600_000,
    group: 'Pacing',
    says: 'How long a bidder may go on with the credit it holds when it hears nothing from the pacer.',
  }),

  demoTraffic: onOff(true, {
    env: 'EVENKEEL_DEMO_TRAFFIC',
    flag: 'demo-traffic',
    group: 'Demo',
    says: '`start` without a configuration file: simulated exchange traffic against a demo advertiser.',
  }),
  demoRate: integer(100, {
    env: 'EVENKEEL_DEMO_RATE',
    flag: 'demo-rate',
    unit: 'requests/s',
    min: 1,
    max: 100_000,
    group: 'Demo',
    says: 'Arrival rate of the demo traffic.',
  }),
} as const;

export type SettingName = keyof typeof settings;
export const settingNames = Object.keys(settings) as readonly SettingName[];

type Value<S> = S extends Setting<infer T> ? T : never;
/** A checked configuration: one value per setting. */
export type Config = { readonly [Name in SettingName]: Value<(typeof settings)[Name]> };
