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
  ...inGroup('Target', {
    url: text('URL', 'bid endpoint (default http://127.0.0.1:8080/openrtb2/bid/demo)', (draft, value) => {
      if (!/^https?:$/.test(URL.canParse(value) ? new URL(value).protocol : '')) {
        throw badOption(
          `"${value}" is no http(s) URL.`,
          'Give the bid endpoint, e.g. http://127.0.0.1:8080/openrtb2/bid/demo.',
        );
      }
      draft.options.url = value;
    }),
    header: {
      ...text('LINE', 'further request header, "Name: value"', (draft, value) => {
        if (!/^[\w-]+:[^\r\n]*$/.test(value)) throw badOption(`"${value}" is no header.`, 'Write it as "Name: value".');
        draft.options.headers = [...draft.options.headers, value];
      }),
      repeat: true,
    },
    insecure: flag('accept any TLS certificate', into('options', 'insecure')),
    gzip: flag(
      'send gzip bodies, accept gzip answers (costs the sender about 50 µs a request)',
      into('options', 'gzip'),
    ),
  }),

  ...inGroup('Load', {
    rate: text(
      'N',
      'constant arrival rate, requests per second (default 1000); after the shapes, if any',
      (draft, value) => {
        draft.rate = parseRate(value);
      },
    ),
    for: duration('how long --rate lasts (default 30s)', into('draft', 'forMs')),
    ramp: shape('ramp'),
    steps: shape('steps'),
    spike: shape('spike'),
    day: shape('day'),
    arrivals: oneOf('even or poisson (default even)', ['even', 'poisson'], into('options', 'arrivals')),
    'closed-loop': integer(
      'this many users in a closed loop instead of a rate; hides what a slow server does',
      [1, 10_000],
      into('options', 'closedUsers'),
    ),
    warmup: duration(
      'first part of the run that is not counted (default a tenth of runs over 10s, at most 3s)',
      into('draft', 'warmupMs'),
    ),
    threads: integer('sender threads (default 1; 0 sends from the main thread)', [0, 64], into('options', 'threads')),
    connections: integer('connections opened in advance (default 32)', [1, 20_000], into('options', 'connections')),
    'max-connections': integer(
      'most connections open at once (default 512)',
      [1, 20_000],
      into('options', 'maxConnections'),
    ),
    timeout: duration('give up on an answer after this (default 1s)', into('options', 'timeoutMs')),
    'max-late': duration(
      'drop a request that could not be started this long after its time (default 1s)',
      into('options', 'maxLateMs'),
    ),
    pace: oneOf(
      'timer (default: starts up to 1.5 ms late) or precise (takes most of a core per thread)',
      ['timer', 'precise'],
      into('options', 'pace'),
    ),
    seed: integer('same seed, same requests and market (default 1)', [0, 2 ** 31 - 1], into('options', 'seed')),
  }),

  ...inGroup('Traffic', {
    requests: text(
      'FILE',
      'send the requests of a .jsonl or .jsonl.gz file instead of generated ones',
      into('options', 'requestsPath'),
    ),
    tmax: duration('tmax of the requests; a later answer has lost its auction (default 100ms)', (draft, ms) => {
      draft.options.tmaxMs = ms;
      draft.mix.tmaxMs = ms;
    }),
    apps: share(`share of app requests (default ${defaultMix.appShare})`, into('mix', 'appShare')),
    video: share(`share of video impressions (default ${defaultMix.videoShare})`, into('mix', 'videoShare')),
    native: share(`share of native impressions (default ${defaultMix.nativeShare})`, into('mix', 'nativeShare')),
    'multi-imp': share(
      `share of requests with 2–4 impressions (default ${defaultMix.multiImpShare})`,
      into('mix', 'multiImpShare'),
    ),
    deals: share(`share of impressions with a deal (default ${defaultMix.dealShare})`, into('mix', 'dealShare')),
    consent: share(
      `share of users in the EU who consent (default ${defaultMix.consentShare})`,
      into('mix', 'consentShare'),
    ),
    users: integer(`different users (default ${defaultMix.users})`, [1000, 1_000_000_000], into('mix', 'users')),
    corpus: integer(
      'requests generated per thread before they are used again (default 5000)',
      [1, 200_000],
      into('options', 'corpus'),
    ),
  }),

  ...inGroup('Market', {
    'no-market': flag('only measure answers: no wins, no notices', into('draft', 'noMarket')),
    'notice-host': {
      ...text(
        'HOST[:PORT]',
        'also call notice and beacon URLs of this host (by itself: only those of the host of --url and of 127.0.0.1)',
        (draft, value) => {
          if (!/^[\w.-]+(:\d{1,5})?$/.test(value))
            throw badOption(`"${value}" is no host.`, 'Write it like events.bidder.example:8443.');
          draft.options.noticeHosts = [...draft.options.noticeHosts, value.toLowerCase()];
        },
      ),
      repeat: true,
    },
    auction: oneOf('first or second price (default first)', ['first', 'second'], (draft, value) => {
      draft.market.auction = value;
      draft.mix.auctionType = value === 'first' ? 1 : 2;
    }),
    competition: text(
      'CPM[:SIGMA]',
      'best competing bid, log-normal median and sigma (default 0.6:0.9)',
      (draft, value) => {
        const match = /^(\d+(?:\.\d+)?)(?::(\d+(?:\.\d+)?))?$/.exec(value);
        if (match === null) throw badOption(`"${value}" is no competition.`, 'Write it like 1.2 or 1.2:0.7.');
        draft.market.competitorMedianCpm = Number(match[1]);
        if (match[2] !== undefined) draft.market.competitorSigma = Number(match[2]);
      },
    ),
    floor: number('CPM', `median floor (default ${defaultMix.floorMedianCpm})`, into('mix', 'floorMedianCpm')),
    render: share(
      `share of won ads that are shown (default ${defaultMarket.renderShare})`,
      into('market', 'renderShare'),
    ),
    ctr: share(
      `share of shown ads that are clicked (default ${defaultMarket.clickShare})`,
      into('market', 'clickShare'),
    ),
    cvr: share('share of clicks that convert; needs --conversion-url (default 0)', into('market', 'conversionShare')),
    'conversion-url': text(
      'URL',
      'called for a conversion; {click} becomes the click token, {order} an order id',
      into('market', 'conversionUrl'),
    ),
    bots: share('share of shown ads whose beacons come from a declared robot (default 0)', into('market', 'botShare')),
    'lose-notices': share('share of notices that are never sent (default 0)', into('market', 'lossShare')),
    'double-notices': share('share of notices sent twice (default 0)', into('market', 'duplicateShare')),
    'reorder-notices': share(
      'share of win notices sent after the impression (default 0)',
      into('market', 'reorderShare'),
    ),
    'notice-delay': duration(
      `mean delay of win and loss notices (default ${defaultMarket.noticeDelayMs}ms)`,
      into('market', 'noticeDelayMs'),
    ),
    'billing-event': oneOf(
      'auto, win, bill or impression: which notice is paid (default auto)',
      ['auto', 'win', 'bill', 'impression'],
      into('market', 'billing'),
    ),
    ledger: text(
      'DIR',
      'keep the ledger of truth here (default: with the report, or in a temporary folder)',
      into('options', 'ledgerDir'),
    ),
  }),

  ...inGroup('Gates and audit', {
    slo: {
      ...text(
        'GATE',
        `a condition on the result: p99<30ms, errors<0.1% (metrics: pNN, ${Object.keys(gateMetrics).join(', ')})`,
        (draft, value) => {
          draft.gates.push(parseGate(value));
        },
      ),
      repeat: true,
    },
    audit: flag(
      'compare the report of the server with the ledger of truth; a difference fails',
      into('draft', 'audit'),
    ),
    'api-url': text('URL', 'API of the server, for --audit (default http://127.0.0.1:8090)', (draft, value) => {
      if (!URL.canParse(value)) throw badOption(`"${value}" is no URL.`, 'Give e.g. http://127.0.0.1:8090.');
      draft.apiUrl = value;
    }),
    'api-key': text('KEY', 'key for --audit (default: EVENKEEL_API_KEY)', into('draft', 'apiKey')),
    drain: duration(
      'how long notices, and then the report, may take to be complete (default 30s)',
      into('options', 'drainMs'),
    ),
    config: text('FILE', 'read options from a YAML or JSON file; the command line wins', into('draft', 'configPath')),
  }),

  ...inGroup('Output', {
    out: text('DIR', 'write report.html, report.json and latency.hlog here', into('draft', 'outDir')),
    json: text('FILE', 'write the result as JSON', into('draft', 'jsonPath')),
    html: text('FILE', 'write the report as one HTML file', into('draft', 'htmlPath')),
    'hdr-log': text('FILE', 'write the histograms of every step in the HDR log format', into('draft', 'hdrPath')),
    quiet: flag('no progress', into('draft', 'quiet')),
  }),
};

type Apply<T> = (draft: Draft, value: T) => void;
type Ungrouped = Omit<Option, 'group'>;

function inGroup(group: Option['group'], some: Readonly<Record<string, Ungrouped>>): Record<string, Option> {
  return Object.fromEntries(Object.entries(some).map(([name, option]) => [name, { group, ...option }]));
}

/** The draft itself, or a part of it that is handed on as a whole. */
interface Parts {
  readonly draft: Draft;
  readonly options: Draft['options'];
  readonly mix: Draft['mix'];
  readonly market: Draft['market'];
}
/** Names of the fields that can hold a `T`. */
type Holding<O, T> = { [K in keyof O]: T extends O[K] ? K : never }[keyof O];

/** Most options are one field: its part and name. */
function into<P extends keyof Parts, T>(part: P, name: Holding<Parts[P], T>): Apply<T> {
  return (draft, value) => {
    const owner: unknown = part === 'draft' ? draft : draft[part as Exclude<P, 'draft'>];
    (owner as Record<typeof name, T>)[name] = value;
  };
}

function text(value: string, about: string, apply: Apply<string>): Ungrouped {
  return { value, about, apply };
}

function flag(about: string, apply: Apply<true>): Ungrouped {
  return { value: '', about, apply: (draft) => apply(draft, true) };
}

function duration(about: string, apply: Apply<number>): Ungrouped {
  return text('TIME', about, (draft, value) => apply(draft, parseDuration(value)));
}

function integer(about: string, [least, most]: readonly [number, number], apply: Apply<number>): Ungrouped {
  return text('N', about, (draft, value) => {
    const n = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!(n >= least && n <= most)) throw badOption(`"${value}" is no number from ${least} to ${most}.`, 'See --help.');
    apply(draft, n);
  });
}

function number(placeholder: string, about: string, apply: Apply<number>): Ungrouped {
  return text(placeholder, about, (draft, value) => {
    if (!/^\d+(\.\d+)?$/.test(value)) throw badOption(`"${value}" is no number.`, 'See --help.');
    apply(draft, Number(value));
  });
}

/** `0.25` or `25%`. */
function share(about: string, apply: Apply<number>): Ungrouped {
  return text('SHARE', about, (draft, value) => {
    const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(value);
    const n = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
    if (!(n >= 0 && n <= 1)) throw badOption(`"${value}" is no share.`, 'Give 0 to 1, or a percentage such as 25%.');
    apply(draft, n);
  });
}

function oneOf<const T extends string>(about: string, allowed: readonly T[], apply: Apply<T>): Ungrouped {
  return text('KIND', about, (draft, value) => {
    const found = allowed.find((one) => one === value);
    if (found === undefined) throw badOption(`"${value}" is none of ${allowed.join(', ')}.`, 'See --help.');
    apply(draft, found);
  });
}

function shape(name: keyof typeof shapes): Ungrouped {
  const { about, example, parse } = shapes[name];
  return { value: example, about, repeat: true, apply: (draft, value) => void draft.stages.push(...parse(value)) };
}
