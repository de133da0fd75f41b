import { useState } from 'preact/hooks';
import { type ApiProblem, send } from './client.ts';
import { type Advertiser, type Page, useData } from './data.ts';
import { dateTime } from './format.ts';
import { Card, Fault, Field, Loading, Scroll } from './parts.tsx';
import { People } from './people.tsx';

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
      <Card title="All keys" flush>
        {keys.problem !== null && <Fault problem={keys.problem} onRetry={keys.reload} />}
        {keys.data === null ? (
          <Loading label="Loading keys" />
        ) : keys.data.items.length === 0 ? (
          <p class="note">No keys yet.</p>
        ) : (
          <Scroll label="Keys">
            <table>
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Role</th>
                  <th scope="col">Advertiser</th>
                  <th scope="col">Made</th>
                  <th scope="col">Expires</th>
                  <th scope="col">
                    <span class="sr">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {keys.data.items.map((key) => (
                  <Row key={key.id} entry={key} advertiser={nameOf(key.advertiserId)} onChange={keys.reload} />
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </Card>
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
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setProblem(null);
    const expiresMs =
      days === '' ? null : Math.round(performance.timeOrigin + performance.now() + Number(days) * DAY_MS);
    const scope = role === 'operator' || advertiserId === '' ? null : Number(advertiserId);
    try {
      const { key } = await send<{ key: string }>('POST', '/keys', {
        body: { name, role, advertiserId: scope, expiresMs },
      });
      setMade(key);
      setName('');
      onMade();
    } catch (error) {
      setProblem(error as ApiProblem);
    }
  };
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
      <form class="form" onSubmit={submit} aria-label="New key">
        <div class="columns narrow">
          <Field label="Name" id="ke-name" hint="Who or what will use it.">
            <input
              id="ke-name"
              required
              maxLength={100}
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </Field>
          <Field label="Role" id="ke-role">
            <select id="ke-role" value={role} onChange={(event) => setRole(event.currentTarget.value)}>
              <option value="advertiser">advertiser</option>
              <option value="read_only">read only</option>
              <option value="operator">operator</option>
            </select>
          </Field>
          {role !== 'operator' && (
            <Field label="Advertiser" id="ke-advertiser">
              <select
                id="ke-advertiser"
                required={role === 'advertiser'}
                value={advertiserId}
                onChange={(event) => setAdvertiserId(event.currentTarget.value)}
              >
                <option value="">{role === 'advertiser' ? 'choose …' : 'all'}</option>
                {advertisers.map((advertiser) => (
                  <option key={advertiser.id} value={advertiser.id}>
                    {advertiser.name}
                  </option>
                ))}
              </select>
            </Field>
          )}
          <Field label="Expires" id="ke-days">
            <select id="ke-days" value={days} onChange={(event) => setDays(event.currentTarget.value)}>
              <option value="30">in 30 days</option>
              <option value="365">in a year</option>
              <option value="">never</option>
            </select>
          </Field>
        </div>
        {problem !== null && <Fault problem={problem} />}
        <button type="submit" class="primary">
          Make key
        </button>
      </form>
    </Card>
  );
}
