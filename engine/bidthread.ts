import type { MessagePort } from 'node:worker_threads';
import { clockOf } from '../core/clock.ts';
import { codeOf, messageOf } from '../core/errors.ts';
import { createAdminHandler, notFound, wrongMethod } from './admin.ts';
import { createBidIds } from './bid/bidid.ts';
import { createBidHandler } from './bid/handler.ts';
import { watchLoop } from './bid/shedding.ts';
import { createThreadTraces } from './bid/threadtraces.ts';
import { Catalog, type CatalogChange } from './catalog/catalog.ts';
import { errorReply } from './http/errorreply.ts';
import { createNodeTransport } from './http/node.ts';
import type { HttpHandlers, Transport } from './http/transport.ts';
import { createUwsTransport, loadUws } from './http/uws.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { createNoticeHandler } from './notice/handler.ts';
import { createPendingEvents } from './notice/pending.ts';
import { createCreditGate } from './shared/creditgate.ts';
import { ringWriter } from './shared/ring.ts';
import { isReady } from './shared/status.ts';
import { createCounters, UNKNOWN_EXCHANGE } from './stats/counters.ts';
import { createAudienceReader } from './users/audiencereader.ts';
import { createPersonReader } from './users/person.ts';
import { saltsAt, userSaltOf } from './users/salt.ts';

const REPORT_EVERY_MS = 500;
/** Time a thread spends on campaign changes before it lets requests through: also before it is ready, when none come. */
const APPLY_SLICE_MS = 0.3;
const UNREADY_SLICE_MS = 20;

/** Runs one bid thread: its server, its view of the campaigns, and its talk with the main thread. */
export function startBidThread(port: MessagePort, start: WorkerStart): void {
  const { config, status } = start;
  let baseUrl = config.publicBaseUrl;
  const clock = clockOf(config.time);
  const send = (message: FromWorker) => port.postMessage(message);
  const ring = ringWriter(start.ring);
  const counters = createCounters();
  const rates = new Map(Object.entries(config.currencies));
  const catalog = new Catalog(() => baseUrl, rates);
  const profiles = new Map(config.exchanges.map((profile) => [profile.name, profile]));
  const pending = createPendingEvents(ring, config.limits.maxInFlight, () => send({ kind: 'wake' }));
  const asks = createAsks(send);
  const faults: string[] = [];
  const loop = watchLoop(clock, config.maxLagMs);
  const { audiencesPath, fingerprint } = config.users;
  const audiences = audiencesPath === '' ? null : createAudienceReader({ path: audiencesPath });
  const salts = () => saltsAt({ secret: userSaltOf(config), periodMs: config.users.saltPeriodMs }, clock.nowMs());
  const people = createPersonReader({ privacy: config.privacy, userSalt: salts(), fingerprint, audiences });
  const traces = createThreadTraces(config.traces, clock);
  const bid = createBidHandler({
    tracer: traces?.tracer ?? null,
    catalog,
    gate: createCreditGate(start.credit, start.pace),
    ring,
    counters,
    status,
    clock,
    profiles,
    signingKey: config.tokenKeys[0]!,
    newBidId: createBidIds(start.incarnation, start.thread),
    rates,
    insight: { ...start.learned, people },
    maxBodyBytes: config.limits.maxBodyBytes,
    maxLineItems: config.limits.maxLineItems,
    marginMs: config.marginMs,
    threads: start.threads,
    loop,
    operatorKeyHashes: config.operatorKeyHashes,
    onDefect: (error) => send({ kind: 'defect', message: messageOf(error), stack: (error as Error).stack ?? '' }),
  });
  const notice = createNoticeHandler({ ...config, catalog, counters, pending, clock, profiles, rates });
  const loaded = config.transport === 'node' ? null : loadUws(faults);
  const transportName = loaded?.name ?? 'node:http';
  const admin = createAdminHandler({ status, version: config.version, transport: transportName, metrics: asks.ask });
  const handlers: HttpHandlers = {
    ...config.limits,
    traced: config.traces !== null,
    exchanges: [...profiles.keys()],
    maxInFlight: Math.min(config.limits.maxInFlight, Math.ceil(config.limits.maxConnections / start.threads)),
    ...bid,
    other(call, body) {
      if (!wrongMethod(call) && !notice(call, body) && !admin(call)) call.send(notFound);
    },
    refused(call, why) {
      counters.error(UNKNOWN_EXCHANGE, why);
      const [code, says] = why === 'body_too_large' ? [413, 'Too many bytes.'] : [503, 'Too many open requests.'];
      call.send(errorReply(code as number, why, says as string, true));
    },
  };
  const transport: Transport = loaded === null ? createNodeTransport(handlers) : createUwsTransport(loaded, handlers);
  const changes = createChangeQueue(
    catalog,
    () => clock.monotonicMs(),
    () => isReady(status),
    send,
  );
  const timer = setInterval(() => {
    send({ kind: 'counts', counts: counters.take() });
    audiences?.refresh();
    people.setSalts(salts());
    sendSpans();
  }, REPORT_EVERY_MS);

  function sendSpans(): void {
    const taken = traces?.take() ?? null;
    if (taken !== null) send({ kind: 'spans', ...taken });
  }

  async function stop(graceMs: number): Promise<void> {
    await transport.close(graceMs);
    clearInterval(timer);
    loop.stop();
    await audiences?.close();
    send({ kind: 'counts', counts: counters.take() });
    sendSpans();
    send({ kind: 'stopped' });
    // Nothing is left to wait for: the thread's loop ends by itself, which is the only safe way out with a uWS loop.
    port.close();
  }

  function onMessage(message: ToWorker): void {
    switch (message.kind) {
      case 'listen':
        transport.listen(config.host, message.port).then(
          (found) => send({ kind: 'listening', port: found }),
          (error) => send({ kind: 'failed', code: codeOf(error), message: messageOf(error) }),
        );
        break;
      case 'reachable':
        baseUrl = message.baseUrl;
        break;
      case 'changes':
        changes.add(message.updates);
        break;
      case 'arrange':
        catalog.arrange();
        send({ kind: 'arranged' });
        break;
      case 'durable':
        pending.done(message.refs, message.ok);
        break;
      case 'answer':
        asks.answered(message.ask, message.body);
        break;
      case 'configure':
        profiles.clear();
        for (const profile of message.exchanges) profiles.set(profile.name, profile);
        loop.setMaxLag(message.maxLagMs);
        break;
      case 'stop':
        void stop(message.graceMs);
    }
  }

  port.on('message', onMessage);
  send({ kind: 'started', transport: transportName, faults });
}

/** Questions to the main thread that a caller waits for. */
function createAsks(send: (message: FromWorker) => void) {
  const waiting = new Map<number, (body: string) => void>();
  let next = 0;
  return {
    ask(onBody: (body: string) => void) {
      waiting.set(next, onBody);
      send({ kind: 'ask', ask: next++, what: 'metrics' });
    },
    answered(ask: number, body: string) {
      waiting.get(ask)?.(body);
      waiting.delete(ask);
    },
  };
}

/** Applies campaign changes in slices, so that a reload of everything never holds up requests for long. */
function createChangeQueue(
  catalog: Catalog,
  nowMs: () => number,
  isServing: () => boolean,
  send: (message: FromWorker) => void,
) {
  let queue: CatalogChange[] = [];
  let from = 0;
  let reported = 0;
  let scheduled = false;

  function slice(): void {
    const untilMs = nowMs() + (isServing() ? APPLY_SLICE_MS : UNREADY_SLICE_MS);
    while (nowMs() < untilMs) {
      if (catalog.isBehind) catalog.step();
      else if (from < queue.length) catalog.begin(queue[from++]!);
      else break;
    }
    // The last change counts as applied once its line items have followed.
    const done = from - (catalog.isBehind ? 1 : 0);
    send({ kind: 'applied', count: done - reported, lines: catalog.lineCount, switches: catalog.switchCount });
    reported = done;
    if (from < queue.length || catalog.isBehind) {
      setImmediate(slice);
      return;
    }
    queue = [];
    from = 0;
    reported = 0;
    scheduled = false;
  }

  return {
    add(updates: readonly CatalogChange[]) {
      for (const update of updates) queue.push(update);
      if (scheduled) return;
      scheduled = true;
      slice();
    },
  };
}
