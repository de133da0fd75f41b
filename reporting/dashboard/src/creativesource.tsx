import { useState } from 'preact/hooks';
import type { ApiProblem } from './client.ts';
import type { CreativeText } from './creativetext.ts';
import { FileField, SelectField, TextField } from './fields.tsx';
import { megabytes, plural } from './format.ts';
import type { Submission } from './formstate.tsx';
import { Fault } from './parts.tsx';
import { sendFile } from './upload.ts';

/** What the API says about an uploaded image, video or sound. */
interface Uploaded {
  readonly url: string;
  readonly mime: string;
  readonly w: number;
  readonly h: number;
  readonly bytes: number;
  readonly durationSeconds?: number;
  readonly bitrateKbps?: number;
}

interface SourceProps {
  readonly value: CreativeText;
  readonly form: Submission;
  readonly onChange: (value: CreativeText) => void;
}

const uploads = {
  image: {
    path: '/images',
    accept: 'image/png,image/jpeg,image/gif,image/webp',
    hint: 'PNG, JPEG, GIF or WebP, at most 512 KB. Its size is read from it.',
  },
  video: {
    path: '/media',
    accept: 'video/mp4,video/webm,.mp4,.webm',
    hint: 'MP4 or WebM, at most 20 MB. Length and size are read from it.',
  },
  audio: {
    path: '/media',
    accept: 'audio/mpeg,audio/mp4,.mp3,.m4a',
    hint: 'MP3 or M4A, at most 20 MB. Its length is read from it.',
  },
} as const;

const mimes = {
  video: { 'video/mp4': 'MP4', 'video/webm': 'WebM' },
  audio: { 'audio/mpeg': 'MP3', 'audio/mp4': 'M4A' },
} as const;

/** Where the ad comes from: HTML, an upload, an address, or another server's tag. */
export function CreativeSource({ value, form, onChange }: SourceProps) {
  const set = (field: keyof CreativeText) => (text: string) => onChange({ ...value, [field]: text });
  if (value.kind === 'html') {
    return (
      <TextField
        id="cr-source"
        label="HTML"
        hint="Put ${CLICK_URL} where the click should go."
        rows={4}
        required
        fault={form.faultOf('banner')}
        value={value.source}
        onInput={set('source')}
      />
    );
  }
  if (value.kind === 'video' || value.kind === 'audio') {
    return (
      <>
        <SelectField
          id="cr-from"
          label="Comes from"
          hint="A tag is asked when the ad is shown, and counts on its own."
          value={value.from}
          options={{ file: 'a file', tag: 'another server’s VAST tag' }}
          onChange={set('from')}
        />
        <Address value={value} form={form} onChange={onChange} />
        {value.from === 'file' && <Upload kind={value.kind} value={value} onChange={onChange} />}
        <LinearFields kind={value.kind} value={value} form={form} onChange={onChange} />
      </>
    );
  }
  return (
    <>
      <Address value={value} form={form} onChange={onChange} />
      <Upload kind="image" value={value} onChange={onChange} />
    </>
  );
}

const addresses = {
  image: 'Image address',
  native: 'Image address',
  video: 'Video address',
  audio: 'Sound address',
  html: '',
};

function Address({ value, form, onChange }: SourceProps) {
  const paths = ['imageUrl', 'mediaFiles', 'vastTagUrl', 'native.image'];
  const fault = paths.map(form.faultOf).find((found) => found !== undefined);
  return (
    <TextField
      id="cr-source"
      label={value.from === 'tag' ? 'Address of the tag' : addresses[value.kind]}
      hint="https, so that it may be shown everywhere."
      type="url"
      required={value.kind !== 'native'}
      fault={fault}
      value={value.source}
      onInput={(source) => onChange({ ...value, source })}
    />
  );
}

interface UploadProps {
  readonly kind: keyof typeof uploads;
  readonly value: CreativeText;
  readonly onChange: (value: CreativeText) => void;
}

/** Sends a file and fills in what the server read from it. */
function Upload({ kind, value, onChange }: UploadProps) {
  const [progress, setProgress] = useState<number | null>(null);
  const [said, setSaid] = useState('');
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const { path, accept, hint } = uploads[kind];
  const upload = async (file: File): Promise<void> => {
    setProblem(null);
    setSaid('');
    setProgress(0);
    try {
      const sent = await sendFile<Uploaded>(path, file, file.type || `${kind}/unknown`, setProgress);
      setSaid(summaryOf(sent));
      onChange(filled(value, sent));
    } catch (error) {
      setProblem(error as ApiProblem);
    }
    setProgress(null);
  };
  return (
    <FileField id="cr-file" label="or upload it" hint={hint} accept={accept} onFile={upload}>
      {progress !== null && <progress max={1} value={progress} aria-label="Upload" />}
      {said !== '' && <small role="status">{said}</small>}
      {problem !== null && <Fault problem={problem} />}
    </FileField>
  );
}

function summaryOf({ w, h, bytes, durationSeconds }: Uploaded): string {
  const size = w > 0 ? `${w} × ${h}, ` : '';
  return `${size}${durationSeconds === undefined ? '' : `${plural(durationSeconds, 'second')}, `}${megabytes(bytes)}`;
}

function filled(value: CreativeText, { url, mime, w, h, durationSeconds, bitrateKbps }: Uploaded): CreativeText {
  const next = { ...value, source: url, w, h };
  if (value.kind === 'image') return { ...next, size: `${w}x${h}` };
  if (value.kind === 'native' || durationSeconds === undefined) return next;
  return { ...next, mime, seconds: String(durationSeconds), bitrateKbps: bitrateKbps ?? value.bitrateKbps };
}

function LinearFields({ kind, value, form, onChange }: SourceProps & { readonly kind: 'video' | 'audio' }) {
  const set = (field: keyof CreativeText) => (text: string) => onChange({ ...value, [field]: text });
  return (
    <>
      <TextField
        id="cr-seconds"
        label="Length (seconds)"
        hint="Exchanges fill a slot by it."
        required
        fault={form.faultOf('durationSeconds')}
        value={value.seconds}
        onInput={set('seconds')}
      />
      {value.from === 'file' && (
        <SelectField
          id="cr-mime"
          label="Kind of file"
          hint="Players ask for the kinds they know."
          value={value.mime}
          options={mimes[kind]}
          onChange={set('mime')}
        />
      )}
      {kind === 'video' && (
        <TextField
          id="cr-skip"
          label="May be skipped after (seconds)"
          hint="Empty: not at all."
          fault={form.faultOf('skipAfterSeconds')}
          value={value.skipAfter}
          onInput={set('skipAfter')}
        />
      )}
    </>
  );
}
