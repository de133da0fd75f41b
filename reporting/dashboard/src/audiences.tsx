import { useState } from 'preact/hooks';
import { type ApiProblem, type Me, send } from './client.ts';
import { type Advertiser, type Audience, type Page, useData, useList } from './data.ts';
import { AdvertiserField, TextField } from './fields.tsx';
import { count } from './format.ts';
import { FormEnd, useSubmit } from './formstate.tsx';
import { Card, Fault } from './parts.tsx';
import { ListCard } from './table.tsx';
import { sendFile } from './upload.ts';

interface Upload {
  readonly accepted: number;
  readonly rejected: number;
  readonly users: number;
  readonly rejections: readonly { readonly line: number; readonly why: string }[];
}

/** Lists of users an advertiser brought: create, fill from a file, pause. */
export function Audiences({ me }: { me: Me }) {
  const audiences = useList<Audience>('/audiences');
  const advertisers = useData<Page<Advertiser>>('/advertisers?limit=1000');
  const mayWrite = me.role !== 'read_only';
  return (
    <>
      <header class="page-head">
        <div>
          <h1>Audiences</h1>
          <p>
            Your own lists of people, as hashes. Line items reach them by targeting the audience’s number as a segment.
          </p>
        </div>
      </header>
      {mayWrite && <NewAudience advertisers={advertisers.data?.items ?? []} onMade={audiences.reload} />}
      <ListCard
        title="All audiences"
        label="Audiences"
        list={audiences}
        empty="No audience yet."
        columns={['Audience', 'Segment', '#Users', 'Upload']}
        row={(audience) => (
          <Row key={audience.id} audience={audience} mayWrite={mayWrite} onChange={audiences.reload} />
        )}
      />
    </>
  );
}

function Row({ audience, mayWrite, onChange }: { audience: Audience; mayWrite: boolean; onChange: () => void }) {
  const [mode, setMode] = useState('add');
  const [progress, setProgress] = useState<number | null>(null);
  const [result, setResult] = useState<Upload | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const upload = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    setProblem(null);
    setResult(null);
    try {
      setResult(await sendFile<Upload>(`/audiences/${audience.id}/users?mode=${mode}`, file, 'text/csv', setProgress));
      onChange();
    } catch (error) {
      setProblem(error as ApiProblem);
    }
    setProgress(null);
  };
  return (
    <tr>
      <th scope="row">
        <span class="name">{audience.name}</span>
        <small>
          <span class={`pill ${audience.status}`}>{audience.status}</span>
        </small>
      </th>
      <td>
        <code>{audience.id}</code>
      </td>
      <td class="number" data-field="users">
        {count(audience.users)}
      </td>
      <td>
        {mayWrite && (
          <div class="actions">
            <select
              class="fit"
              aria-label={`How to upload to ${audience.name}`}
              value={mode}
              onChange={(event) => setMode(event.currentTarget.value)}
            >
              <option value="add">add</option>
              <option value="remove">remove</option>
              <option value="replace">replace</option>
            </select>
            <input
              class="fit"
              type="file"
              accept=".csv,.txt,text/csv,text/plain"
              aria-label={`File with users for ${audience.name}`}
              onChange={(event) => upload(event.currentTarget.files?.[0])}
            />
          </div>
        )}
        {progress !== null && <progress max={1} value={progress} aria-label="Upload" />}
        {result !== null && (
          <small class="block" role="status">
            {count(result.accepted)} lines read, {count(result.rejected)} refused
            {result.rejections[0] !== undefined &&
              ` (line ${result.rejections[0].line}: ${result.rejections[0].why.replace(/_/g, ' ')})`}
          </small>
        )}
        {problem !== null && <Fault problem={problem} />}
      </td>
    </tr>
  );
}

function NewAudience({ advertisers, onMade }: { advertisers: readonly Advertiser[]; onMade: () => void }) {
  const [name, setName] = useState('');
  const [advertiserId, setAdvertiserId] = useState('');
  const form = useSubmit(async () => {
    await send('POST', '/audiences', { body: { name, advertiserId: Number(advertiserId || advertisers[0]?.id) } });
    setName('');
    onMade();
  });
  return (
    <Card title="New audience">
      <form class="form" onSubmit={form.submit} aria-label="New audience">
        <div class="columns narrow">
          <TextField id="au-name" label="Name" required value={name} onInput={setName} />
          <AdvertiserField
            id="au-advertiser"
            advertisers={advertisers}
            value={advertiserId || String(advertisers[0]?.id ?? '')}
            onChange={setAdvertiserId}
          />
        </div>
        <FormEnd form={form} save="Create audience" />
      </form>
    </Card>
  );
}
