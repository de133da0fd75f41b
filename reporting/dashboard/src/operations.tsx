import { useData } from './data.ts';
import { Exchanges } from './exchanges.tsx';
import { count, dateTime, share } from './format.ts';
import { History } from './history.tsx';
import { KillSwitches } from './killswitches.tsx';
import { Card, Fault, Kpi, Loading } from './parts.tsx';
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
  readonly ingest: Readonly<Record<string, unknown>> | null;
  readonly entities: Readonly<Record<string, number>>;
  readonly following: boolean;
}

/** What the alert `sla_breach` goes by, unless it is set otherwise. */
const SLA_P99_US = 30_000;
const SLA_ERRORS = 0.001;

/** For operators: how fast it bids, where the log stands, who changed what. */
export function Operations() {
  const status = useData<Status>('/events/status', 2000);
  if (status.data === null) {
    return status.problem === null ? (
      <Loading label="Loading the status" />
    ) : (
      <Fault problem={status.problem} onRetry={status.reload} />
    );
  }
  const { bidding, topics, ingest, entities, nowMs } = status.data;
  const total = (field: 'requestsPerSecond' | 'bidsPerSecond' | 'errorsPerSecond'): number =>
    bidding.nodes.reduce((sum, node) => sum + node[field], 0);
  const slowest = (field: 'p50Us' | 'p99Us' | 'p999Us'): number | null =>
    bidding.nodes.reduce<number | null>(
      (max, node) => (node[field] === null ? max : Math.max(max ?? 0, node[field])),
      null,
    );
  const requests = total('requestsPerSecond');
  return (
    <>
      <header class="page-head">
        <div>
          <h1>Operations</h1>
          <p>The last minute of every bidder</p>
        </div>
        {status.problem !== null && <Fault problem={status.problem} />}
      </header>
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
          note={`p50 ${millis(slowest('p50Us'))}, p99.9 ${millis(slowest('p999Us'))}`}
        >
          {millis(slowest('p99Us'))}
        </Kpi>
        <Kpi label="Errors per second" name="errors" note="answered with 4xx or 5xx">
          {total('errorsPerSecond').toFixed(1)}
        </Kpi>
      </dl>
      <Card title="Bidders" flush>
        {bidding.nodes.length === 0 ? (
          <p class="note">No bidder has reported in the last minute.</p>
        ) : (
          <Nodes bidding={bidding} nowMs={nowMs} />
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
      <div class="pair">
        <Card title="Ingest and store">
          {ingest === null ? <p class="note">This server does not run ingest.</p> : <Facts facts={ingest} />}
        </Card>
        <Card title="Campaign view">
          <Facts facts={{ ...entities, 'following the log': status.data.following ? 'yes' : 'no' }} />
        </Card>
      </div>
      <KillSwitches />
      <History path="/audit" stamp={0} />
    </>
  );
}

function Nodes({ bidding, nowMs }: { bidding: Bidding; nowMs: number }) {
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
            <Sla node={node} />
          </td>
          <td title={dateTime(node.lastMs)}>{Math.max(0, Math.round((nowMs - node.lastMs) / 1000))} s ago</td>
        </tr>
      ))}
    </Table>
  );
}

/** p99 inside the server under 30 ms and errors under one in a thousand, over the last minute. */
function Sla({ node }: { node: Bidding['nodes'][number] }) {
  const slow = (node.p99Us ?? 0) > SLA_P99_US;
  const faulty = node.errorsPerSecond > node.requestsPerSecond * SLA_ERRORS;
  if (!slow && !faulty) return <span class="pill approved">yes</span>;
  return <span class="pill rejected">{slow ? 'no: too slow' : 'no: errors'}</span>;
}

function Facts({ facts }: { facts: Readonly<Record<string, unknown>> }) {
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
          <dd>
            {typeof value === 'number'
              ? count(value)
              : typeof value === 'object'
                ? JSON.stringify(value)
                : String(value)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function millis(us: number | null): string {
  return us === null ? '–' : `${(us / 1000).toFixed(us < 10_000 ? 2 : 1)} ms`;
}
