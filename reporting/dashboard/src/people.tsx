import { useState } from 'preact/hooks';
import { AccessFields, accessBody, newAccess } from './accessfields.tsx';
import { send } from './client.ts';
import { type Advertiser, useList } from './data.ts';
import { EditorForm } from './editorform.tsx';
import { TextField } from './fields.tsx';
import { useSubmit } from './formstate.tsx';
import { roleNames } from './labels.ts';
import { ListCard } from './table.tsx';

interface Person {
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly advertiserId: number | null;
}

/** Who may log in by e-mail and password. */
export function People({ advertisers }: { advertisers: readonly Advertiser[] }) {
  const people = useList<Person>('/users');
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
    <ListCard
      title="People"
      label="People"
      list={people}
      empty="Nobody logs in by password yet."
      columns={['Name', 'E-mail', 'Role', '']}
      side={side}
      above={
        adding && (
          <NewPerson
            advertisers={advertisers}
            onDone={() => {
              setAdding(false);
              people.reload();
            }}
          />
        )
      }
      row={(person) => (
        <tr key={person.email}>
          <th scope="row">{person.name}</th>
          <td>{person.email}</td>
          <td>
            {roleNames[person.role]}
            <small class="block">{advertisers.find((advertiser) => advertiser.id === person.advertiserId)?.name}</small>
          </td>
          <td class="number">
            <button type="button" class="danger" onClick={() => remove(person)} aria-label={`Remove ${person.name}`}>
              Remove
            </button>
          </td>
        </tr>
      )}
    />
  );
}

function NewPerson({ advertisers, onDone }: { advertisers: readonly Advertiser[]; onDone: () => void }) {
  const [text, setText] = useState({ name: '', email: '', password: '' });
  const [access, setAccess] = useState(newAccess);
  const set = (field: keyof typeof text) => (value: string) => setText({ ...text, [field]: value });
  const form = useSubmit(async () => {
    await send('POST', '/users', { body: { ...text, ...accessBody(access) } });
    onDone();
  });
  const { faultOf } = form;
  return (
    <EditorForm label="New person" form={form} save="Add" onCancel={onDone}>
      <div class="columns narrow">
        <TextField
          id="pe-name"
          label="Person’s name"
          required
          fault={faultOf('name')}
          value={text.name}
          onInput={set('name')}
        />
        <TextField
          id="pe-email"
          label="Person’s e-mail"
          type="email"
          required
          fault={faultOf('email')}
          value={text.email}
          onInput={set('email')}
        />
        <TextField
          id="pe-password"
          label="First password"
          hint="At least 12 characters."
          type="password"
          required
          minLength={12}
          fault={faultOf('password')}
          value={text.password}
          onInput={set('password')}
        />
        <AccessFields prefix="pe" whose="Person’s" advertisers={advertisers} value={access} onChange={setAccess} />
      </div>
    </EditorForm>
  );
}
