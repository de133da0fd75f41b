import { useState } from 'preact/hooks';
import { type ApiProblem, type Me, send } from './client.ts';
import { useList } from './data.ts';
import { SelectField } from './fields.tsx';
import { dateTime, megabytes, plural } from './format.ts';
import { Card, Fault, Loading } from './parts.tsx';
import { More } from './table.tsx';

/** An uploaded file of ads, as the API tells it. */
interface AdFile {
  readonly id: string;
  readonly kind: 'image' | 'media';
  readonly url: string;
  readonly mime: string;
  readonly bytes: number;
  readonly w: number;
  readonly h: number;
  readonly durationSeconds: number | null;
  readonly uploadedMs: number;
  readonly usedBy: readonly { readonly creativeId: number; readonly name: string; readonly campaignId: number }[];
}

const choices = {
  '/ad-files': 'all',
  '/ad-files?used=false': 'those that no ad shows',
  '/ad-files?kind=image': 'pictures',
  '/ad-files?kind=media': 'videos and sounds',
};

/** Pictures, videos and sounds that were uploaded for ads: what shows them, and what can go. */
export function Files({ me }: { me: Me }) {
  const [path, setPath] = useState('/ad-files');
  const files = useList<AdFile>(path);
  return (
    <>
      <header class="page-head">
        <div>
          <h1>Files of ads</h1>
          <p>
            Pictures, videos and sounds that were uploaded where ads are made. Whoever has the address of one can see
            it.
          </p>
        </div>
      </header>
      <Card
        title="Uploaded"
        side={<SelectField id="fi-shown" label="Show" value={path} options={choices} onChange={setPath} />}
      >
        {files.problem !== null && <Fault problem={files.problem} onRetry={files.reload} />}
        {files.data === null && files.problem === null && <Loading label="Loading files" />}
        {files.data?.items.length === 0 && <p class="note">No such file. They are uploaded where an ad is made.</p>}
        <ul class="creatives">
          {files.data?.items.map((file) => (
            <Tile key={file.id} file={file} mayDelete={me.role !== 'read_only'} onChange={files.reload} />
          ))}
        </ul>
        <More list={files} />
      </Card>
    </>
  );
}

function Tile({ file, mayDelete, onChange }: { file: AdFile; mayDelete: boolean; onChange: () => void }) {
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const { id, kind, url, mime, usedBy } = file;
  const what = kind === 'image' ? 'Picture' : mime.startsWith('audio') ? 'Sound' : 'Video';
  const name = `${what} ${sizeOf(file)}`;
  const remove = async (): Promise<void> => {
    if (!confirm('Delete this file? Pages that were shown an ad with it a moment ago may miss it.')) return;
    setProblem(null);
    await send('DELETE', `/ad-files/${id}`).then(onChange, setProblem);
  };
  return (
    <li data-file={id}>
      <div class="stage">
        {kind === 'image' ? <img src={`/files/${id}`} alt={name} loading="lazy" /> : <small>{what}</small>}
      </div>
      <strong>
        <a href={url} target="_blank" rel="noopener">
          {name}
        </a>
      </strong>
      <small class="block">
        {megabytes(file.bytes)}, {dateTime(file.uploadedMs)}
      </small>
      {usedBy.length === 0 ? (
        <small class="block">No ad shows it.</small>
      ) : (
        <small class="block">
          Shown by{' '}
          {usedBy.map((use, i) => (
            <>
              {i > 0 && ', '}
              <a key={use.creativeId} href={`/campaigns/${use.campaignId}`}>
                {use.name}
              </a>
            </>
          ))}
        </small>
      )}
      {problem !== null && <Fault problem={problem} />}
      {mayDelete && usedBy.length === 0 && (
        <div class="actions">
          <button type="button" class="danger" onClick={remove} aria-label={`Delete ${name}`}>
            Delete
          </button>
        </div>
      )}
    </li>
  );
}

function sizeOf({ w, h, durationSeconds }: AdFile): string {
  const size = w > 0 ? `${w} × ${h}` : '';
  return [size, durationSeconds === null ? '' : plural(durationSeconds, 'second')]
    .filter((text) => text !== '')
    .join(', ');
}
