import { useState } from 'preact/hooks';
import { AdFrame, NATIVE } from './adframe.tsx';
import { type ApiProblem, type Me, send } from './client.ts';
import { CreativeForm } from './creativeform.tsx';
import { type Campaign, type Creative, type LineItem, type Page, useData, useList } from './data.ts';
import { Card, Fault, Loading } from './parts.tsx';
import { More } from './table.tsx';

const SHOWN = 12;

/** The ads themselves, as people see them, in frames that can not touch this page. */
export function Creatives({ campaign, me }: { campaign: Campaign; me: Me }) {
  const creatives = useList<Creative>(`/creatives?campaignId=${campaign.id}`);
  const lineItems = useData<Page<LineItem>>(`/line-items?campaignId=${campaign.id}&limit=1000`);
  const [editing, setEditing] = useState<Creative | 'new' | null>(null);
  const [all, setAll] = useState(false);
  const items = creatives.data?.items.filter((creative) => creative.status !== 'archived') ?? [];
  const mayWrite = me.role !== 'read_only' && campaign.status !== 'archived';
  const side = mayWrite && (
    <button type="button" onClick={() => setEditing('new')}>
      Add creative
    </button>
  );
  return (
    <Card title="Creatives" side={side}>
      {creatives.problem !== null && <Fault problem={creatives.problem} onRetry={creatives.reload} />}
      {editing !== null && lineItems.data !== null && (
        <CreativeForm
          key={editing === 'new' ? 0 : editing.id}
          lineItems={lineItems.data.items}
          creative={editing === 'new' ? null : editing}
          mayApprove={me.role === 'operator'}
          onDone={() => {
            setEditing(null);
            creatives.reload();
          }}
        />
      )}
      {creatives.data === null && <Loading label="Loading creatives" />}
      {creatives.data !== null && items.length === 0 && <p class="note">No creative yet: nothing can be shown.</p>}
      <ul class="creatives">
        {items.slice(0, all ? items.length : SHOWN).map((creative) => (
          <Tile
            key={creative.id}
            creative={creative}
            me={me}
            onEdit={mayWrite ? () => setEditing(creative) : null}
            onChange={creatives.reload}
          />
        ))}
      </ul>
      {!all && items.length > SHOWN && (
        <button type="button" onClick={() => setAll(true)}>
          Show {items.length - SHOWN} more
        </button>
      )}
      {(all || items.length <= SHOWN) && <More list={creatives} />}
    </Card>
  );
}

interface TileProps {
  readonly creative: Creative;
  readonly me: Me;
  /** null for those who may not change it. */
  readonly onEdit: (() => void) | null;
  readonly onChange: () => void;
}

function Tile({ creative, me, onEdit, onChange }: TileProps) {
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const change = async (body: object): Promise<void> => {
    setProblem(null);
    await send('PATCH', `/creatives/${creative.id}`, { body, etag: `"v${creative.version}"` }).catch(setProblem);
    onChange();
  };
  const size = creative.format === 'native' ? NATIVE : creative.banner;
  return (
    <li>
      <AdFrame
        path={`/creatives/${creative.id}/preview?v=${creative.version}`}
        title={`Preview of ${creative.name}`}
        w={size?.w}
        h={size?.h}
      />
      <strong>{creative.name}</strong>
      <small>
        <span class={`pill ${creative.approval}`}>{creative.approval}</span>{' '}
        {creative.status !== 'active' && <span class={`pill ${creative.status}`}>{creative.status}</span>}
      </small>
      {problem !== null && <Fault problem={problem} />}
      <div class="actions">
        {onEdit !== null && (
          <>
            <button type="button" onClick={onEdit} aria-label={`Edit ${creative.name}`}>
              Edit
            </button>
            <Switch creative={creative} onChange={change} />
          </>
        )}
        {me.role === 'operator' && creative.approval !== 'approved' && (
          <button type="button" onClick={() => change({ approval: 'approved' })}>
            Approve
          </button>
        )}
        {me.role === 'operator' && creative.approval === 'pending' && (
          <button type="button" class="danger" onClick={() => change({ approval: 'rejected' })}>
            Reject
          </button>
        )}
      </div>
    </li>
  );
}

/** Stops an ad and lets it run again; one that is stopped can leave for good. */
function Switch({ creative, onChange }: { creative: Creative; onChange: (body: object) => Promise<void> }) {
  const { name, status } = creative;
  if (status === 'active') {
    return (
      <button type="button" onClick={() => onChange({ status: 'paused' })} aria-label={`Pause ${name}`}>
        Pause
      </button>
    );
  }
  const archive = (): void => {
    if (confirm(`Archive “${name}”? It leaves the lists for good; its reports stay.`))
      void onChange({ status: 'archived' });
  };
  return (
    <>
      <button type="button" onClick={() => onChange({ status: 'active' })} aria-label={`Activate ${name}`}>
        Activate
      </button>
      <button type="button" class="danger" onClick={archive} aria-label={`Archive ${name}`}>
        Archive
      </button>
    </>
  );
}
