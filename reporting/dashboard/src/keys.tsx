import { useState } from 'preact/hooks';
import { AccessFields, accessBody, newAccess } from './accessfields.tsx';
import { send } from './client.ts';
import { type Advertiser, type Page, useData, useList } from './data.ts';
import { SelectField, TextField } from './fields.tsx';
import { dateTime } from './format.ts';
import { FormEnd, useSubmit } from './formstate.tsx';
import { roleNames } from './labels.ts';
import { Card } from './parts.tsx';
import { People } from './people.tsx';
import { ShownOnce } from './shownonce.tsx';
import { ListCard } from './table.tsx';

interface Key {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly advertiserId: number | null;
  readonly createdMs: number;
  readonly expiresMs: number | null;
  readonly revokedMs: number | null;
  readonly createdBy: string;
}

const DAY_MS = 86_400_000;
const lifetimes = { 30: 'in 30 days', 365: 'in a year', '': 'never' };

/** API keys: who may use the API, for whose data, until when. */
export function Keys() {
  const keys = useList<Key>('/keys');
  const advertisers = useData<Page<Advertiser>>('/advertisers?limit=1000');
  const nameOf = (id: number | null): string =>
    id === null ? 'all' : (advertisers.data?.items.find((advertiser) => advertiser.id === id)?.name ?? String(id));
  return (
    <>
      <header class="page-head">
        <div>
          <h1>Access</h1>
          <p>A key is shown once, when it is made. Only a fingerprint of it is kept.</p>
        </div>
      </header>
      <NewKey advertisers={advertisers.data?.items ?? []} onMade={keys.reload} />
      <ListCard
        title="All keys"
        label="Keys"
        list={keys}
        empty="No keys yet."
        columns={['Name', 'Role', 'Advertiser', 'Made', 'Expires', '']}
        row={(key) => <Row key={key.id} entry={key} advertiser={nameOf(key.advertiserId)} onChange={keys.reload} />}
      />
      <People advertisers={advertisers.data?.items ?? []} />
    </>
  );
}

function Row({ entry, advertiser, onChange }: { entry: Key; advertiser: string; onChange: () => void }) {
  const revoke = async (): Promise<void> => {
    if (!confirm(`Revoke the key “${entry.name}”? Whoever uses it is locked out at once.`)) return;
    await send('DELETE', `/keys/${entry.id}`).catch(() => undefined);
    onChange();
  };
  return (
    <tr>
      <th scope="row">
        <span class="name">{entry.name}</span>
      </th>
      <td>{roleNames[entry.role]}</td>
      <td>{advertiser}</td>
      <td>
        {dateTime(entry.createdMs)}
        <small class="block">by {entry.createdBy}</small>
      </td>
      <td>{entry.expiresMs === null ? 'never' : dateTime(entry.expiresMs)}</td>
      <td class="number">
        {entry.revokedMs !== null ? (
          <span class="pill rejected">revoked</span>
        ) : (
          <button type="button" class="danger" onClick={revoke} aria-label={`Revoke ${entry.name}`}>
            Revoke
          </button>
        )}
      </td>
    </tr>
  );
}

function NewKey({ advertisers, onMade }: { advertisers: readonly Advertiser[]; onMade: () => void }) {
  const [name, setName] = useState('');
  const [access, setAccess] = useState(newAccess);
  const [days, setDays] = useState('365');
  const [made, setMade] = useState<string | null>(null);
  const form = useSubmit(async () => {
    const expiresMs =
      days === '' ? null : Math.round(performance.timeOrigin + performance.now() + Number(days) * DAY_MS);
    const body = { name, ...accessBody(access), expiresMs };
    const { key } = await send<{ key: string }>('POST', '/keys', { body });
    setMade(key);
    setName('');
    onMade();
  });
  return (
    <Card title="New key">
      {made !== null && <ShownOnce kind="key" what="this key" text={made} />}
      <form class="form" onSubmit={form.submit} aria-label="New key">
        <div class="columns narrow">
          <TextField
            id="ke-name"
            label="Name"
            hint="Who or what will use it."
            required
            maxLength={100}
            value={name}
            onInput={setName}
          />
          <AccessFields prefix="ke" advertisers={advertisers} value={access} onChange={setAccess} />
          <SelectField id="ke-days" label="Expires" value={days} options={lifetimes} onChange={setDays} />
        </div>
        <FormEnd form={form} save="Make key" />
      </form>
    </Card>
  );
}
