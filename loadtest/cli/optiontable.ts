import { gateMetrics, parseGate } from '../gate/gate.ts';
import { defaultMarket } from '../market/market.ts';
import { defaultMix } from '../traffic/generator.ts';
import type { Draft } from './draft.ts';
import { badOption, parseDuration, parseRate, shapes } from './shapes.ts';

/** One option: from this table come parsing, the file form and `--help`. */
export interface Option {
  readonly group: 'Target' | 'Load' | 'Traffic' | 'Market' | 'Gates and audit' | 'Output';
  /** Placeholder of the value; '' for a switch. */
  readonly value: string;
  readonly about: string;
  /** May be given several times. */
  readonly repeat?: boolean;
  apply(draft: Draft, text: string): void;
}

export const options: Readonly<Record<string, Option>> = {
  url: text('Target', 'URL', 'bid endpoint (default http://127.0.0.1:8080/openrtb2/bid/demo)', (draft, value) => {
    if (!/^https?:$/.test(URL.canParse(value) ? new URL(value).protocol : '')) {
      throw badOption(
        `"${value}" is no http(s) URL.`,
        'Give the bid endpoint, e.g. http://127.0.0.1:8080/openrtb2/bid/demo.',
      );
    }
    draft.options.url = value;
  }),
  header: {
    ...text('Target', 'LINE', 'further request header, "Name: value"', (draft, value) => {
      if (!/^[\w-]+:[^\r\n]*$/.test(value)) throw badOption(`"${value}" is no header.`, 'Write it as "Name: value".');
      draft.options.headers = [...draft.options.headers, value];
    }),
    repeat: true,
  },
  insecure: flag('Target', 'accept any TLS certificate', (draft) => {
    draft.options.insecure = true;
  }),
  gzip: flag('Target', 'send gzip bodies, accept gzip answers (costs the sender about 50 µs a request)', (draft) => {
    draft.options.gzip = true;
  }),

  rate: text(
    'Load',
    'N',
    'constant arrival rate, requests per second (default 1000); after the shapes, if any',
    (draft, value) => {
      draft.rate = parseRate(value);
    },
  ),
  for: duration('Load', 'how long --rate lasts (default 30s)', (draft, ms) => {
    draft.forMs = ms;
  }),
  ramp: shape('ramp'),
  steps: shape('steps'),
  spike: shape('spike'),
  day: shape('day'),
  arrivals: text('Load', 'KIND', 'even or poisson (default even)', (draft, value) => {
    draft.options.arrivals = oneOf(value, ['even', 'poisson']);
  }),
  'closed-loop': integer(
    'Load',
    'this many users in a closed loop instead of a rate; hides what a slow server does',
    [1, 10_000],
    (draft, n) => {
      draft.options.closedUsers = n;
    },
  ),
  warmup: duration(
    'Load',
    'first part of the run that is not counted (default a tenth of runs over 10s, at most 3s)',
    (draft, ms) => {
      draft.warmupMs = ms;
    },
  ),
  threads: integer('Load', 'sender threads (default 1; 0 sends from the main thread)', [0, 64], (draft, n) => {
    draft.options.threads = n;
  }),
  connections: integer('Load', 'connections opened in advance (default 32)', [1, 20_000], (draft, n) => {
    draft.options.connections = n;
  }),
  'max-connections': integer('Load', 'most connections open at once (default 512)', [1, 20_000], (draft, n) => {
    draft.options.maxConnections = n;
  }),
  timeout: duration('Load', 'give up on an answer after this (default 1s)', (draft, ms) => {
    draft.options.timeoutMs = ms;
  }),
  'max-late': duration(
    'Load',
    'drop a request that could not be started this long after its time (default 1s)',
    (draft, ms) => {
      draft.options.maxLateMs = ms;
    },
  ),
  pace: text(
    'Load',
    'KIND',
    'timer (default: starts up to 1.5 ms late) or precise (takes a core per thread)',
    (draft, value) => {
      draft.options.pace = oneOf(value, ['timer', 'precise']);
    },
  ),
  seed: integer('Load', 'same seed, same requests and market (default 1)', [0, 2 ** 31 - 1], (draft, n) => {
    draft.options.seed = n;
  }),

  requests: text(
    'Traffic',
    'FILE',
    'send the requests of a .jsonl or .jsonl.gz file instead of generated ones',
    (draft, value) => {
      draft.options.requestsPath = value;
    },
  ),
  tmax: duration(
    'Traffic',
    'tmax of the requests; a later answer has lost its auction (default 100ms)',
    (draft, ms) => {
      draft.options.tmaxMs = ms;
      draft.mix.tmaxMs = ms;
    },
  ),
  apps: share('Traffic', `share of app requests (default ${defaultMix.appShare})`, (draft, n) => {
    draft.mix.appShare = n;
  }),
  video: share('Traffic', `share of video impressions (default ${defaultMix.videoShare})`, (draft, n) => {
    draft.mix.videoShare = n;
  }),
  native: share('Traffic', `share of native impressions (default ${defaultMix.nativeShare})`, (draft, n) => {
    draft.mix.nativeShare = n;
  }),
  'multi-imp': share(
    'Traffic',
    `share of requests with 2–4 impressions (default ${defaultMix.multiImpShare})`,
    (draft, n) => {
      draft.mix.multiImpShare = n;
    },
  ),
  deals: share('Traffic', `share of impressions with a deal (default ${defaultMix.dealShare})`, (draft, n) => {
    draft.mix.dealShare = n;
  }),
  consent: share('Traffic', `share of users in the EU who consent (default ${defaultMix.consentShare})`, (draft, n) => {
    draft.mix.consentShare = n;
  }),
  users: integer('Traffic', `different users (default ${defaultMix.users})`, [1000, 1_000_000_000], (draft, n) => {
    draft.mix.users = n;
  }),
  corpus: integer(
    'Traffic',
    'requests generated per thread before they are used again (default 5000)',
    [1, 200_000],
    (draft, n) => {
      draft.options.corpus = n;
    },
  ),

  'no-market': flag('Market', 'only measure answers: no wins, no notices', (draft) => {
    draft.noMarket = true;
  }),
  auction: text('Market', 'KIND', 'first or second price (default first)', (draft, value) => {
    draft.market.auction = oneOf(value, ['first', 'second']);
    draft.mix.auctionType = draft.market.auction === 'first' ? 1 : 2;
  }),
  competition: text(
    'Market',
    'CPM[:SIGMA]',
    'best competing bid, log-normal median and sigma (default 0.6:0.9)',
    (draft, value) => {
      const match = /^(\d+(?:\.\d+)?)(?::(\d+(?:\.\d+)?))?$/.exec(value);
      if (match === null) throw badOption(`"${value}" is no competition.`, 'Write it like 1.2 or 1.2:0.7.');
      draft.market.competitorMedianCpm = Number(match[1]);
      if (match[2] !== undefined) draft.market.competitorSigma = Number(match[2]);
    },
  ),
  floor: number('Market', 'CPM', `median floor (default ${defaultMix.floorMedianCpm})`, (draft, n) => {
    draft.mix.floorMedianCpm = n;
  }),
  render: share('Market', `share of won ads that are shown (default ${defaultMarket.renderShare})`, (draft, n) => {
    draft.market.renderShare = n;
  }),
  ctr: share('Market', `share of shown ads that are clicked (default ${defaultMarket.clickShare})`, (draft, n) => {
    draft.market.clickShare = n;
  }),
  cvr: share('Market', 'share of clicks that convert; needs --conversion-url (default 0)', (draft, n) => {
    draft.market.conversionShare = n;
  }),
  'conversion-url': text(
    'Market',
    'URL',
    'called for a conversion; {click} becomes the click token, {order} an order id',
    (draft, value) => {
      draft.market.conversionUrl = value;
    },
  ),
  bots: share('Market', 'share of shown ads whose beacons come from a declared robot (default 0)', (draft, n) => {
    draft.market.botShare = n;
  }),
  'lose-notices': share('Market', 'share of notices that are never sent (default 0)', (draft, n) => {
    draft.market.lossShare = n;
  }),
  'double-notices': share('Market', 'share of notices sent twice (default 0)', (draft, n) => {
    draft.market.duplicateShare = n;
  }),
  'reorder-notices': share('Market', 'share of win notices sent after the impression (default 0)', (draft, n) => {
    draft.market.reorderShare = n;
  }),
  'notice-delay': duration(
    'Market',
    `mean delay of win and loss notices (default ${defaultMarket.noticeDelayMs}ms)`,
    (draft, ms) => {
      draft.market.noticeDelayMs = ms;
    },
  ),
  'billing-event': text(
    'Market',
    'KIND',
    'auto, win, bill or impression: which notice is paid (default auto)',
    (draft, value) => {
      draft.market.billing = oneOf(value, ['auto', 'win', 'bill', 'impression']);
    },
  ),
  ledger: text(
    'Market',
    'DIR',
    'keep the ledger of truth here (default: with the report, or in a temporary folder)',
    (draft, value) => {
      draft.options.ledgerDir = value;
    },
  ),

  slo: {
    ...text(
      'Gates and audit',
      'GATE',
      `a condition on the result: p99<30ms, errors<0.1% (metrics: pNN, ${Object.keys(gateMetrics).join(', ')})`,
      (draft, value) => {
        draft.gates.push(parseGate(value));
      },
    ),
    repeat: true,
  },
  audit: flag(
    'Gates and audit',
    'compare the report of the server with the ledger of truth; a difference fails',
    (draft) => {
      draft.audit = true;
    },
  ),
  'api-url': text(
    'Gates and audit',
    'URL',
    'API of the server, for --audit (default http://127.0.0.1:8090)',
    (draft, value) => {
      if (!URL.canParse(value)) throw badOption(`"${value}" is no URL.`, 'Give e.g. http://127.0.0.1:8090.');
      draft.apiUrl = value;
    },
  ),
  'api-key': text('Gates and audit', 'KEY', 'key for --audit (default: EVENKEEL_API_KEY)', (draft, value) => {
    draft.apiKey = value;
  }),
  drain: duration(
    'Gates and audit',
    'how long notices, and then the report, may take to be complete (default 30s)',
    (draft, ms) => {
      draft.options.drainMs = ms;
    },
  ),
  config: text(
    'Gates and audit',
    'FILE',
    'read options from a YAML or JSON file; the command line wins',
    (draft, value) => {
      draft.configPath = value;
    },
  ),

  out: text('Output', 'DIR', 'write report.html, report.json and latency.hlog here', (draft, value) => {
    draft.outDir = value;
  }),
  json: text('Output', 'FILE', 'write the result as JSON', (draft, value) => {
    draft.jsonPath = value;
  }),
  html: text('Output', 'FILE', 'write the report as one HTML file', (draft, value) => {
    draft.htmlPath = value;
  }),
  'hdr-log': text('Output', 'FILE', 'write the histograms of every step in the HDR log format', (draft, value) => {
    draft.hdrPath = value;
  }),
  quiet: flag('Output', 'no progress', (draft) => {
    draft.quiet = true;
  }),
};

type Apply<T> = (draft: Draft, value: T) => void;
type Group = Option['group'];

function text(group: Group, value: string, about: string, apply: Apply<string>): Option {
  return { group, value, about, apply };
}

function flag(group: Group, about: string, apply: (draft: Draft) => void): Option {
  return { group, value: '', about, apply };
}

function duration(group: Group, about: string, apply: Apply<number>): Option {
  return text(group, 'TIME', about, (draft, value) => apply(draft, parseDuration(value)));
}

function integer(group: Group, about: string, [least, most]: readonly [number, number], apply: Apply<number>): Option {
  return text(group, 'N', about, (draft, value) => {
    const n = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!(n >= least && n <= most)) throw badOption(`"${value}" is no number from ${least} to ${most}.`, 'See --help.');
    apply(draft, n);
  });
}

function number(group: Group, placeholder: string, about: string, apply: Apply<number>): Option {
  return text(group, placeholder, about, (draft, value) => {
    if (!/^\d+(\.\d+)?$/.test(value)) throw badOption(`"${value}" is no number.`, 'See --help.');
    apply(draft, Number(value));
  });
}

/** `0.25` or `25%`. */
function share(group: Group, about: string, apply: Apply<number>): Option {
  return text(group, 'SHARE', about, (draft, value) => {
    const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(value);
    const n = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
    if (!(n >= 0 && n <= 1)) throw badOption(`"${value}" is no share.`, 'Give 0 to 1, or a percentage such as 25%.');
    apply(draft, n);
  });
}

function shape(name: keyof typeof shapes): Option {
  const { about, example, parse } = shapes[name];
  return {
    group: 'Load',
    value: example,
    about,
    repeat: true,
    apply: (draft, value) => void draft.stages.push(...parse(value)),
  };
}

function oneOf<const T extends string>(value: string, allowed: readonly T[]): T {
  if ((allowed as readonly string[]).includes(value)) return value as T;
  throw badOption(`"${value}" is none of ${allowed.join(', ')}.`, 'See --help.');
}
