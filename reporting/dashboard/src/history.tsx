import { useList } from './data.ts';
import { dateTime } from './format.ts';
import { Card, Fault, Loading } from './parts.tsx';
import { More } from './table.tsx';

interface Entry {
  readonly id: string;
  readonly atMs: number;
  readonly actor: { readonly name: string };
  readonly kind: string;
  readonly name: string;
  readonly action: 'create' | 'update';
  readonly fields: readonly { readonly field: string; readonly from: unknown; readonly to: unknown }[];
  readonly unconfirmed: boolean;
}

/** Who changed what, newest first. */
export function History({ path, stamp, timeZone }: { path: string; stamp: number; timeZone?: string }) {
  const history = useList<Entry>(`${path}?stamp=${stamp}`);
  return (
    <Card title="Changes">
      {history.problem !== null && <Fault problem={history.problem} onRetry={history.reload} />}
      {history.data === null && history.problem === null && <Loading label="Loading changes" />}
      {history.data?.items.length === 0 && <p class="note">No changes yet.</p>}
      <ol class="history">
        {history.data?.items.map((entry) => (
          <li key={entry.id}>
            <time dateTime={new Date(entry.atMs).toISOString()}>{dateTime(entry.atMs, timeZone)}</time>
            <div>
              <strong>{entry.actor.name}</strong> {entry.action === 'create' ? 'created' : 'changed'}{' '}
              {entry.kind.replace('_', ' ')} <em>{entry.name}</em>
              {entry.unconfirmed && <span class="pill warn">unconfirmed</span>}
              {entry.fields.map((field) => (
                <p key={field.field}>
                  {field.field}: <del>{shown(field.from)}</del> → <ins>{shown(field.to)}</ins>
                </p>
              ))}
            </div>
          </li>
        ))}
      </ol>
      <More list={history} />
    </Card>
  );
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
