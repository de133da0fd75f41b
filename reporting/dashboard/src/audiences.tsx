import { useState } from 'preact/hooks';
import { ApiProblem, type Me, send } from './client.ts';
import { type Advertiser, type Page, useData } from './data.ts';
import { count } from './format.ts';
import { Card, Fault, Field, Loading, Scroll } from './parts.tsx';

interface Audience {
  readonly id: number;
  readonly advertiserId: number;
  readonly name: string;
  readonly status: string;
  readonly version: number;
  readonly users: number;
}
interface Upload {
  readonly accepted: number;
  readonly rejected: number;
  readonly users: number;
  readonly rejections: readonly { readonly line: number; readonly why: string }[];
}

/** Lists of users an advertiser brought: create, fill from a file, pause. */
export function Audiences({ me }: { me: Me }) {
  const audiences = useData<Page<Audience>>('/audiences');
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
      <Card title="All audiences" flush>
        {audiences.problem !== null && <Fault problem={audiences.problem} onRetry={audiences.reload} />}
        {audiences.data === null && audiences.problem === null && <Loading label="Loading audiences" />}
        {audiences.data?.items.length === 0 && <p class="note">No audience yet.</p>}
        {audiences.data !== null && audiences.data.items.length > 0 && (
          <Scroll label="Audiences">
            <table>
              <thead>
                <tr>
                  <th scope="col">Audience</th>
                  <th scope="col">Segment</th>
                  <th scope="col" class="number">
                    Users
                  </th>
                  <th scope="col">Upload</th>
                </tr>
              </thead>
              <tbody>
                {audiences.data.items.map((audience) => (
                  <Row key={audience.id} audience={audience} mayWrite={mayWrite} onChange={audiences.reload} />
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </Card>
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
      setResult(await sendFile(`/audiences/${audience.id}/users?mode=${mode}`, file, setProgress));
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

/** Uploads with progress, which fetch does not tell. */
function sendFile(path: string, file: File, onProgress: (share: number) => void): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/v1${path}`);
    request.setRequestHeader('x-evenkeel-client', 'dashboard');
    request.setRequestHeader('content-type', 'text/csv');
    request.upload.onprogress = (event) => onProgress(event.loaded / Math.max(1, event.total));
    request.onerror = () => reject(new ApiProblem(0, { detail: 'The upload was interrupted.' }));
    request.onload = () => {
      const body = JSON.parse(request.responseText || '{}');
      if (request.status < 300) resolve(body);
      else reject(new ApiProblem(request.status, body));
    };
    request.send(file);
  });
}

function NewAudience({ advertisers, onMade }: { advertisers: readonly Advertiser[]; onMade: () => void }) {
  const [name, setName] = useState('');
  const [advertiserId, setAdvertiserId] = useState('');
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setProblem(null);
    try {
      await send('POST', '/audiences', { body: { name, advertiserId: Number(advertiserId || advertisers[0]?.id) } });
      setName('');
      onMade();
    } catch (error) {
      setProblem(error as ApiProblem);
    }
  };
  return (
    <Card title="New audience">
      <form class="form" onSubmit={submit} aria-label="New audience">
        <div class="columns narrow">
          <Field label="Name" id="au-name">
            <input id="au-name" required value={name} onInput={(event) => setName(event.currentTarget.value)} />
          </Field>
          <Field label="Advertiser" id="au-advertiser">
            <select
              id="au-advertiser"
              value={advertiserId}
              onChange={(event) => setAdvertiserId(event.currentTarget.value)}
            >
              {advertisers.map((advertiser) => (
                <option key={advertiser.id} value={advertiser.id}>
                  {advertiser.name}
                </option>
              ))}
            </select>
          </Field>
        </div>
        {problem !== null && <Fault problem={problem} />}
        <button type="submit" class="primary">
          Create audience
        </button>
      </form>
    </Card>
  );
}
