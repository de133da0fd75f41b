import { useState } from 'preact/hooks';
import { send } from './client.ts';
import { type Advertiser, type Page, useData } from './data.ts';
import { dateTime } from './format.ts';
import { AdvertiserField, FormEnd, SelectField, TextField, useSubmit } from './formstate.tsx';
import { roleNames } from './labels.ts';
import { Card, Field } from './parts.tsx';
import { People } from './people.tsx';
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

/** API keys: who may use the API, for whose data, until when. */
export function Keys() {
  const keys = useData<Page<Key>>('/keys');
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
      <td>{entry.role.replace('_', ' ')}</td>
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
  const [role, setRole] = useState('advertiser');
  const [advertiserId, setAdvertiserId] = useState('');
  const [days, setDays] = useState('365');
  const [made, setMade] = useState<string | null>(null);
  const form = useSubmit(async () => {
    const expiresMs =
      days === '' ? null : Math.round(performance.timeOrigin + performance.now() + Number(days) * DAY_MS);
    const scope = role === 'operator' || advertiserId === '' ? null : Number(advertiserId);
    const { key } = await send<{ key: string }>('POST', '/keys', {
      body: { name, role, advertiserId: scope, expiresMs },
    });
    setMade(key);
    setName('');
    onMade();
  });
  return (
    <Card title="New key">
      {made !== null && (
        <div class="made" role="status">
          <p>Copy this key now. It is not shown again.</p>
          <code data-key>{made}</code>
          <button type="button" onClick={() => navigator.clipboard.writeText(made)}>
            Copy
          </button>
        </div>
      )}
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
          <SelectField id="ke-role" label="Role" value={role} onChange={setRole} options={roleNames} />
          {role !== 'operator' && (
            <AdvertiserField
              id="ke-advertiser"
              advertisers={advertisers}
              required={role === 'advertiser'}
              none={role === 'advertiser' ? 'choose …' : 'all'}
              value={advertiserId}
              onChange={setAdvertiserId}
            />
          )}
          <Field label="Expires" id="ke-days">
            <select id="ke-days" value={days} onChange={(event) => setDays(event.currentTarget.value)}>
              <option value="30">in 30 days</option>
              <option value="365">in a year</option>
              <option value="">never</option>
            </select>
          </Field>
        </div>
        <FormEnd form={form} save="Make key" />
      </form>
    </Card>
  );
}
