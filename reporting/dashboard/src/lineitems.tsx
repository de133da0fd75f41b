import { useState } from 'preact/hooks';
import { type ApiProblem, send } from './client.ts';
import { type Campaign, type Goal, type LineItem, type PacingStatus, useList } from './data.ts';
import { money, share } from './format.ts';
import { planNames } from './labels.ts';
import { LineItemForm } from './lineitemform.tsx';
import { Fault } from './parts.tsx';
import { ListCard } from './table.tsx';
import { targetingSummary } from './targetingtext.ts';

interface LineItemsProps {
  readonly campaign: Campaign;
  readonly currency: string;
  readonly timeZone: string;
  readonly pacing: readonly PacingStatus[];
  readonly mayWrite: boolean;
}

/** What the campaign bids with: targeting, bid, budget, pacing and how each is doing. */
export function LineItems({ campaign, currency, timeZone, pacing, mayWrite }: LineItemsProps) {
  const lineItems = useList<LineItem>(`/line-items?campaignId=${campaign.id}`);
  const [editing, setEditing] = useState<LineItem | 'new' | null>(null);
  const side = mayWrite && campaign.status !== 'archived' && (
    <button type="button" onClick={() => setEditing('new')}>
      Add line item
    </button>
  );
  return (
    <ListCard
      title="Line items"
      label="Line items"
      list={lineItems}
      empty="No line item: nothing bids."
      columns={['Line item', 'Targeting', '#Bid', '#Daily budget', 'Pacing', '']}
      side={side}
      above={
        editing !== null && (
          <LineItemForm
            key={editing === 'new' ? 0 : editing.id}
            campaign={campaign}
            lineItem={editing === 'new' ? null : editing}
            currency={currency}
            timeZone={timeZone}
            onDone={() => {
              setEditing(null);
              lineItems.reload();
            }}
          />
        )
      }
      row={(lineItem) => (
        <Row
          key={lineItem.id}
          lineItem={lineItem}
          currency={currency}
          status={pacing.find((status) => status.level === 'line_item' && status.id === lineItem.id)}
          mayWrite={mayWrite}
          onEdit={() => setEditing(lineItem)}
          onChange={lineItems.reload}
        />
      )}
    />
  );
}

interface RowProps {
  readonly lineItem: LineItem;
  readonly currency: string;
  readonly status: PacingStatus | undefined;
  readonly mayWrite: boolean;
  readonly onEdit: () => void;
  readonly onChange: () => void;
}

function Row({ lineItem, currency, status, mayWrite, onEdit, onChange }: RowProps) {
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const daily = lineItem.budget.dailyMicros;
  const toggle = async (): Promise<void> => {
    const next = lineItem.status === 'active' ? 'paused' : 'active';
    setProblem(null);
    await send('PATCH', `/line-items/${lineItem.id}`, { body: { status: next }, etag: `"v${lineItem.version}"` }).catch(
      setProblem,
    );
    onChange();
  };
  return (
    <tr>
      <th scope="row">
        <span class="name">{lineItem.name}</span>
        <small>
          <span class={`pill ${lineItem.status}`}>{lineItem.status}</span>
        </small>
        {problem !== null && <Fault problem={problem} />}
      </th>
      <td class="wrap">
        <Reached lineItem={lineItem} />
      </td>
      <td class="number">{bidText(lineItem.goal, currency)}</td>
      <td class="number">{daily === null ? 'campaign’s' : money(BigInt(daily) * 1000n, currency)}</td>
      <td class="wrap">
        {planNames[lineItem.pacing] ?? lineItem.pacing}
        {status !== undefined && (
          <small class="block" title={status.explanation}>
            bids at {share(status.multiplierPpm / 1e6)}, takes part in {share(status.passPpm / 1e6)}
          </small>
        )}
      </td>
      <td class="number">
        {mayWrite && lineItem.status !== 'archived' && (
          <span class="actions end">
            <button type="button" onClick={onEdit} aria-label={`Edit ${lineItem.name}`}>
              Edit
            </button>
            <button
              type="button"
              onClick={toggle}
              aria-label={`${lineItem.status === 'active' ? 'Pause' : 'Activate'} ${lineItem.name}`}
            >
              {lineItem.status === 'active' ? 'Pause' : 'Activate'}
            </button>
          </span>
        )}
      </td>
    </tr>
  );
}

function bidText(goal: Goal, currency: string): string {
  if (goal.type === 'cpm') return `${money(BigInt(goal.bidCpmMicros) * 1000n, currency)} CPM`;
  const unit = goal.type === 'cpc' ? 'per click' : 'per conversion';
  return `${money(BigInt(goal.targetMicros) * 1000n, currency)} ${unit}`;
}

/** Whom it reaches and how often, a rule a line. */
function Reached({ lineItem }: { lineItem: LineItem }) {
  const caps = lineItem.frequencyCaps.map(
    ({ impressions, per }) => `${impressions}× ${per === 'lifetime' ? 'ever' : `a ${per}`}`,
  );
  const parts = [...targetingSummary(lineItem.targeting), ...caps];
  if (parts.length === 0) return <>everywhere</>;
  return (
    <>
      {parts.map((part) => (
        <span key={part} class="block">
          {part}
        </span>
      ))}
    </>
  );
}
