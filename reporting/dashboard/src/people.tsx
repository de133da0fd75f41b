import { useState } from 'preact/hooks';
import { type ApiProblem, send } from './client.ts';
import { type Advertiser, type Page, useData } from './data.ts';
import { Card, Fault, Field, Loading, Scroll } from './parts.tsx';

interface Person {
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly advertiserId: number | null;
}

/** Who may log in by e-mail and password. */
export function People({ advertisers }: { advertisers: readonly Advertiser[] }) {
  const people = useData<Page<Person>>('/users');
  const [adding, setAdding] = useState(false);
  const remove = async (person: Person): Promise<void> => {
    if (!confirm(`Take the login of ${person.email} away?`)) return;
    await send('DELETE', `/users/${encodeURIComponent(person.email)}`).catch(() => undefined);
    people.reload();
  };
  const side = (
    <button type="button" onClick={() => setAdding(true)}>
      Add person
    </button>
  );
  return (
    <Card title="People" side={side} flush>
      {people.problem !== null && <Fault problem={people.problem} onRetry={people.reload} />}
      {adding && (
        <NewPerson
          advertisers={advertisers}
          onDone={() => {
            setAdding(false);
            people.reload();
          }}
        />
      )}
      {people.data === null && people.problem === null && <Loading label="Loading people" />}
      {people.data?.items.length === 0 && <p class="note">Nobody logs in by password yet.</p>}
      {people.data !== null && people.data.items.length > 0 && (
        <Scroll label="People">
          <table>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">E-mail</th>
                <th scope="col">Role</th>
                <th scope="col">
                  <span class="sr">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {people.data.items.map((person) => (
                <tr key={person.email}>
                  <th scope="row">{person.name}</th>
                  <td>{person.email}</td>
                  <td>
                    {person.role.replace('_', ' ')}
                    <small class="block">
                      {advertisers.find((advertiser) => advertiser.id === person.advertiserId)?.name}
                    </small>
                  </td>
                  <td class="number">
                    <button
                      type="button"
                      class="danger"
                      onClick={() => remove(person)}
                      aria-label={`Remove ${person.name}`}
                    >
                      Remove
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Card>
  );
}

function NewPerson({ advertisers, onDone }: { advertisers: readonly Advertiser[]; onDone: () => void }) {
  const [text, setText] = useState({ name: '', email: '', password: '', role: 'advertiser', advertiserId: '' });
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const faultOf = (field: string): string | undefined => (problem?.field === field ? problem.message : undefined);
  const set = (field: keyof typeof text) => (event: { currentTarget: HTMLInputElement | HTMLSelectElement }) =>
    setText({ ...text, [field]: event.currentTarget.value });
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const { advertiserId, ...rest } = text;
    const scope = text.role === 'operator' || advertiserId === '' ? null : Number(advertiserId);
    try {
      await send('POST', '/users', { body: { ...rest, advertiserId: scope } });
      onDone();
    } catch (error) {
      setProblem(error as ApiProblem);
    }
  };
  return (
    <form class="form inset" onSubmit={submit} aria-label="New person">
      <div class="columns narrow">
        <Field label="Person’s name" id="pe-name" fault={faultOf('name')}>
          <input id="pe-name" required value={text.name} onInput={set('name')} />
        </Field>
        <Field label="Person’s e-mail" id="pe-email" fault={faultOf('email')}>
          <input id="pe-email" type="email" required value={text.email} onInput={set('email')} />
        </Field>
        <Field label="First password" id="pe-password" hint="At least 12 characters." fault={faultOf('password')}>
          <input
            id="pe-password"
            type="password"
            autocomplete="new-password"
            required
            minLength={12}
            value={text.password}
            onInput={set('password')}
          />
        </Field>
        <Field label="Person’s role" id="pe-role">
          <select id="pe-role" value={text.role} onChange={set('role')}>
            <option value="advertiser">advertiser</option>
            <option value="read_only">read only</option>
            <option value="operator">operator</option>
          </select>
        </Field>
        {text.role !== 'operator' && (
          <Field label="Person’s advertiser" id="pe-advertiser" fault={faultOf('advertiserId')}>
            <select
              id="pe-advertiser"
              required={text.role === 'advertiser'}
              value={text.advertiserId}
              onChange={set('advertiserId')}
            >
              <option value="">{text.role === 'advertiser' ? 'choose …' : 'all'}</option>
              {advertisers.map((advertiser) => (
                <option key={advertiser.id} value={advertiser.id}>
                  {advertiser.name}
                </option>
              ))}
            </select>
          </Field>
        )}
      </div>
      {problem !== null && problem.field === null && <Fault problem={problem} />}
      <div class="actions">
        <button type="submit" class="primary">
          Add
        </button>
        <button type="button" onClick={onDone}>
          Cancel
        </button>
      </div>
    </form>
  );
}
