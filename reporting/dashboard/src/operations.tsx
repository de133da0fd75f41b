import type { ComponentChildren } from 'preact';
import { useData } from './data.ts';
import { Exchanges } from './exchanges.tsx';
import { count, dateTime, percent, share, zoneName } from './format.ts';
import { History } from './history.tsx';
import { KillSwitches } from './killswitches.tsx';
import { Card, Fault, Kpi, Loading } from './parts.tsx';
import { StoreCard, type StoreStatus } from './storehealth.tsx';
import { Table } from './table.tsx';

interface Bidding {
  readonly nodes: readonly {
    readonly node: string;
    readonly lastMs: number;
    readonly requestsPerSecond: number;
    readonly bidsPerSecond: number;
    readonly errorsPerSecond: number;
    readonly p50Us: number | null;
    readonly p99Us: number | null;
    readonly p999Us: number | null;
  }[];
  readonly noBids: Readonly<Record<string, number>>;
}
interface Status {
  readonly nowMs: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly records: number;
    readonly partitions: readonly { readonly partition: number; readonly first: number; readonly end: number }[];
  }[];
  readonly bidding: Bidding;
  readonly ingest: { readonly lag: number } | null;
  readonly store: StoreStatus;
  readonly sla: SlaLimits;
  readonly entities: Readonly<Record<string, number>>;
  readonly following: boolean;
}

/** What is promised, from the server's configuration: the alerts `sla_breach` and `log_lag` go by the same. */
interface SlaLimits {
  readonly p99Ms: number;
  readonly errorPercent: number;
  readonly lagRecords: number;
}

/** For operators: how fast it bids, where the log stands, who changed what. */
export function Operations() {
  const status = useData<Status>('/events/status', 2000);
  return (
    <>
      <header class="page-head">
        <div>
          <h1>Operations</h1>
          <p>The last minute of every bidder. Times are those of {zoneName()}.</p>
        </div>
        {status.problem !== null && <Fault problem={status.problem} onRetry={status.reload} />}
      </header>
      {status.data === null && status.problem === null && <Loading label="Loading the status" />}
      {status.data !== null && <Board status={status.data} />}
    </>
  );
}

function Board({ status }: { status: Status }) {
  const { bidding, topics, ingest, entities, nowMs, sla, store, following } = status;
  const total = (field: 'requestsPerSecond' | 'bidsPerSecond' | 'errorsPerSecond'): number =>
    bidding.nodes.reduce((sum, node) => sum + node[field], 0);
  const slowest = (field: 'p50Us' | 'p99Us' | 'p999Us'): number | null =>
    bidding.nodes.reduce<number | null>(
      (max, node) => (node[field] === null ? max : Math.max(max ?? 0, node[field])),
      null,
    );
  const requests = total('requestsPerSecond');
  const errors = total('errorsPerSecond');
  const p99Us = slowest('p99Us');
  return (
    <>
      <dl class="kpis">
        <Kpi
          label="Requests per second"
          name="rps"
          note={`${bidding.nodes.length} bidder${bidding.nodes.length === 1 ? '' : 's'}`}
        >
          {count(Math.round(requests))}
        </Kpi>
        <Kpi
          label="Answered with a bid"
          name="bid-rate"
          note={`${count(Math.round(total('bidsPerSecond')))} per second`}
        >
          {requests === 0 ? '–' : share(total('bidsPerSecond') / requests)}
        </Kpi>
        <Kpi
          label="p99 inside the server"
          name="p99"
          note={`promised ${millis(sla.p99Ms * 1000)}; p50 ${millis(slowest('p50Us'))}, p99.9 ${millis(slowest('p999Us'))}`}
        >
          <Kept kept={(p99Us ?? 0) <= sla.p99Ms * 1000}>{millis(p99Us)}</Kept>
        </Kpi>
        <Kpi
          label="Errors per second"
          name="errors"
          note={`answered with 4xx or 5xx; promised at most ${percent(sla.errorPercent, 100)} of requests`}
        >
          <Kept kept={errors * 100 <= requests * sla.errorPercent}>{errors.toFixed(1)}</Kept>
        </Kpi>
        <Kpi
          label="Events waiting"
          name="lag"
          note={ingest === null ? 'This server is not told' : `to be ingested; an alert past ${count(sla.lagRecords)}`}
        >
          {ingest === null ? '–' : <Kept kept={ingest.lag <= sla.lagRecords}>{count(ingest.lag)}</Kept>}
        </Kpi>
      </dl>
      <Card title="Bidders" flush>
        {bidding.nodes.length === 0 ? (
          <p class="note">No bidder has reported in the last minute.</p>
        ) : (
          <Nodes bidding={bidding} nowMs={nowMs} sla={sla} />
        )}
      </Card>
      <Exchanges />
      <Card title="Event log" flush>
        <Table label="Topics" columns={['Topic', '#Partitions', '#Offsets kept']}>
          {topics.map((topic) => (
            <tr key={topic.topic}>
              <th scope="row">{topic.topic}</th>
              <td class="number">{count(topic.partitions.length)}</td>
              <td class="number">{count(topic.records)}</td>
            </tr>
          ))}
        </Table>
      </Card>
      <StoreCard store={store} />
      <Card title="Campaign view">
        <Facts facts={{ ...entities, 'following the log': following ? 'yes' : 'no' }} />
      </Card>
      <KillSwitches />
      <History path="/audit" stamp={0} />
    </>
  );
}

/** A number that something is promised of: marked, not by colour alone, when the promise is broken. */
function Kept({ kept, children }: { kept: boolean; children: ComponentChildren }) {
  if (kept) return <>{children}</>;
  return (
    <span class="broken">
      {children}
      <span class="sr">, outside of what is promised</span>
    </span>
  );
}

interface NodesProps {
  readonly bidding: Bidding;
  readonly nowMs: number;
  readonly sla: SlaLimits;
}

function Nodes({ bidding, nowMs, sla }: NodesProps) {
  return (
    <Table
      label="Bidders"
      columns={['Bidder', '#Requests/s', '#Bids/s', '#p50', '#p99', '#p99.9', 'Keeps the SLA', 'Last heard']}
    >
      {bidding.nodes.map((node) => (
        <tr key={node.node}>
          <th scope="row">
            <code>{node.node}</code>
          </th>
          <td class="number">{count(Math.round(node.requestsPerSecond))}</td>
          <td class="number">{count(Math.round(node.bidsPerSecond))}</td>
          <td class="number">{millis(node.p50Us)}</td>
          <td class="number">{millis(node.p99Us)}</td>
          <td class="number">{millis(node.p999Us)}</td>
          <td>
            <Sla node={node} sla={sla} />
          </td>
          <td title={dateTime(node.lastMs)}>{Math.max(0, Math.round((nowMs - node.lastMs) / 1000))} s ago</td>
        </tr>
      ))}
    </Table>
  );
}

/** Whether a bidder kept what is promised over the last minute. */
function Sla({ node, sla }: { node: Bidding['nodes'][number]; sla: SlaLimits }) {
  const slow = (node.p99Us ?? 0) > sla.p99Ms * 1000;
  const faulty = node.errorsPerSecond * 100 > node.requestsPerSecond * sla.errorPercent;
  if (!slow && !faulty) return <span class="pill approved">yes</span>;
  return <span class="pill rejected">{slow ? 'no: too slow' : 'no: errors'}</span>;
}

function Facts({ facts }: { facts: Readonly<Record<string, number | string>> }) {
  return (
    <dl class="facts">
      {Object.entries(facts).map(([name, value]) => (
        <div key={name}>
          <dt>
            {name
              .replace(/_/g, ' ')
              .replace(/([a-z])([A-Z])/g, '$1 $2')
              .toLowerCase()}
          </dt>
          <dd>{typeof value === 'number' ? count(value) : value}</dd>
        </div>
      ))}
    </dl>
  );
}

function millis(us: number | null): string {
  return us === null ? '–' : `${(us / 1000).toFixed(us < 10_000 ? 2 : 1)} ms`;
}
