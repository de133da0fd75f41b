import { type AddressInfo, createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import { CodedError } from '../../core/errors.ts';
import type { SpanRecord } from '../../core/trace.ts';
import type { BidderConfig } from '../config.ts';
import type { FromWorker, ToWorker, WorkerStart } from '../messages.ts';
import type { SharedRing } from '../shared/ring.ts';
import { isReady } from '../shared/status.ts';
import type { ThreadCounts } from '../stats/counters.ts';
import { createChangeSender } from './changesender.ts';

export interface WorkerEvents {
  readonly onWake: () => void;
  readonly onCounts: (thread: number, counts: ThreadCounts) => void;
  /** How many line items can bid and switches are on, after changes were applied. */
  readonly onApplied: (lines: number, switches: number) => void;
  /** Spans of traced requests, and how many there was no room for. */
  readonly onSpans: (spans: readonly SpanRecord[], dropped: number) => void;
  readonly onMetrics: () => Promise<string>;
  /** A request that could not be answered because of a defect of ours. */
  readonly onDefect: (message: string, stack: string) => void;
  readonly onCrash: (error: unknown) => void;
}

/** The bid threads of one bidder. */
export interface Workers {
  readonly port: number;
  readonly transport: string;
  /** Native builds of µWebSockets.js that do not load here, and why. */
  readonly faults: readonly string[];
  readonly threads: number;
  send(thread: number, message: ToWorker): void;
  broadcast(message: ToWorker): void;
  /** Resolves when every change sent so far has been applied by every thread. */
  settled(): Promise<void>;
  /** Lets every thread lay out what it has for searching; for once, before any serves. */
  arrange(): Promise<void>;
  /** Asks all threads to finish and waits until they have ended. */
  stop(graceMs: number): Promise<void>;
}

type Shared = Pick<WorkerStart, 'incarnation' | 'threads' | 'credit' | 'pace' | 'status' | 'learned'>;
type ThreadShared = Shared & Pick<WorkerStart, 'ring'>;
type Of<Kind extends FromWorker['kind']> = Extract<FromWorker, { kind: Kind }>;

/** Starts the threads one after the other, all on one port. The node:http fallback can only have one. */
export async function startWorkers(
  config: BidderConfig,
  shared: Shared,
  rings: readonly SharedRing[],
  events: WorkerEvents,
): Promise<Workers> {
  const threads: Thread[] = [];
  // Asked for any port, µWebSockets.js would keep it for its first thread alone.
  let port = config.port === 0 ? await freePort(config.host) : config.port;
  let transport = '';
  let faults: readonly string[] = [];
  let count = rings.length;
  for (let i = 0; i < count; i++) {
    const thread = new Thread(config, { ...shared, ring: rings[i]! }, i, events);
    threads.push(thread);
    const started = await thread.started;
    ({ transport, faults } = started);
    if (transport === 'node:http') count = 1;
    port = await thread.listen(port);
  }
  const host = config.host === '0.0.0.0' || config.host === '::' ? '127.0.0.1' : config.host;
  const baseUrl = config.publicBaseUrl === '' ? `http://${host}:${port}` : config.publicBaseUrl;
  const broadcast = (message: ToWorker) => {
    for (const thread of threads) thread.send(message);
  };
  broadcast({ kind: 'reachable', baseUrl });
  return {
    port,
    transport,
    faults,
    threads: threads.length,
    send: (thread, message) => threads[thread]!.send(message),
    broadcast,
    settled: async () => {
      await Promise.all(threads.map((thread) => thread.settled()));
    },
    arrange: async () => {
      await Promise.all(threads.map((thread) => thread.arrange()));
    },
    stop: async (graceMs) => {
      broadcast({ kind: 'stop', graceMs });
      await Promise.all(threads.map((thread) => thread.exited));
    },
  };
}

function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, host, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

class Thread {
  readonly started: Promise<Of<'started'>>;
  readonly exited: Promise<void>;
  readonly #worker: Worker;
  readonly #events: WorkerEvents;
  readonly #thread: number;
  #onStarted: (message: Of<'started'>) => void = () => {};
  #onListening: ((message: Of<'listening'> | Of<'failed'>) => void) | null = null;
  #onArranged: () => void = () => {};
  #stopped = false;
  readonly #changes;

  constructor(config: BidderConfig, shared: ThreadShared, thread: number, events: WorkerEvents) {
    this.#events = events;
    this.#thread = thread;
    this.started = new Promise((resolve) => {
      this.#onStarted = resolve;
    });
    const workerData: WorkerStart = { ...shared, config, thread };
    this.#changes = createChangeSender(
      (updates) => this.#worker.postMessage({ kind: 'changes', updates } satisfies ToWorker),
      () => isReady(shared.status),
    );
    this.#worker = new Worker(new URL('../worker.js', import.meta.url), { workerData });
    this.#worker.on('message', (message: FromWorker) => this.#onMessage(message));
    this.#worker.on('error', (error) => events.onCrash(error));
    this.exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        if (!this.#stopped) {
          const message = `Bid thread ${thread} ended by itself with code ${code}.`;
          events.onCrash(new CodedError('bid_thread_ended', message, 'Restart the bidder; see the log before this.'));
        }
        resolve();
      });
    });
  }

  send(message: ToWorker): void {
    if (message.kind === 'changes') this.#changes.add(message.updates);
    else this.#worker.postMessage(message);
  }

  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#onListening = (message) => {
        if (message.kind === 'listening') resolve(message.port);
        else {
          this.send({ kind: 'stop', graceMs: 0 });
          reject(new CodedError(message.code, message.message, 'Choose a free port, or 0 for any.'));
        }
      };
      this.send({ kind: 'listen', port });
    });
  }

  arrange(): Promise<void> {
    return new Promise((resolve) => {
      this.#onArranged = resolve;
      this.send({ kind: 'arrange' });
    });
  }

  settled(): Promise<void> {
    return this.#changes.settled();
  }

  #onMessage(message: FromWorker): void {
    switch (message.kind) {
      case 'started':
        this.#onStarted(message);
        break;
      case 'listening':
      case 'failed':
        this.#onListening?.(message);
        break;
      case 'wake':
        this.#events.onWake();
        break;
      case 'applied':
        this.#events.onApplied(message.lines, message.switches);
        this.#changes.applied(message.count);
        break;
      case 'arranged':
        this.#onArranged();
        break;
      case 'counts':
        this.#events.onCounts(this.#thread, message.counts);
        break;
      case 'spans':
        this.#events.onSpans(message.spans, message.dropped);
        break;
      case 'ask':
        void this.#events.onMetrics().then((body) => this.send({ kind: 'answer', ask: message.ask, body }));
        break;
      case 'defect':
        this.#events.onDefect(message.message, message.stack);
        break;
      case 'stopped':
        this.#stopped = true;
    }
  }
}
