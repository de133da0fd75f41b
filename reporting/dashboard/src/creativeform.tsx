import { useState } from 'preact/hooks';
import { type ApiProblem, send } from './client.ts';
import { bannerSizes, type CreativeText, creativeBody, creativeWarning, newCreative } from './creativetext.ts';
import type { LineItem } from './data.ts';
import { FileField, SelectField, TextField } from './fields.tsx';
import { FormEnd, type Submission, useSubmit } from './formstate.tsx';
import { Fault } from './parts.tsx';
import { sendFile } from './upload.ts';

interface UploadedImage {
  readonly url: string;
  readonly w: number;
  readonly h: number;
  readonly bytes: number;
}

interface CreativeFieldsProps {
  readonly value: CreativeText;
  readonly form: Submission;
  readonly onChange: (value: CreativeText) => void;
}

const kinds = {
  image: 'an image',
  html: 'HTML of your own',
  video: 'a video',
  native: 'text and a picture, in the site’s look (native)',
};
const sizes = Object.fromEntries(bannerSizes.map((size) => [size, size.replace('x', ' × ')]));

export function CreativeFields({ value, form, onChange }: CreativeFieldsProps) {
  const set = (field: keyof CreativeText) => (text: string) => onChange({ ...value, [field]: text });
  const isBanner = value.kind === 'image' || value.kind === 'html';
  const warning = creativeWarning(value);
  return (
    <>
      <TextField id="cr-name" label="Creative name" hint="Only you see it." value={value.name} onInput={set('name')} />
      <SelectField id="cr-kind" label="Ad is" value={value.kind} options={kinds} onChange={set('kind')} />
      {isBanner && (
        <SelectField
          id="cr-size"
          label="Size"
          value={value.size}
          options={{ ...sizes, [value.size]: value.size.replace('x', ' × ') }}
          onChange={set('size')}
        />
      )}
      {value.kind === 'native' && <NativeFields value={value} form={form} onChange={onChange} />}
      <Source value={value} form={form} onChange={onChange} />
      {value.kind === 'video' && <VideoFields value={value} form={form} onChange={onChange} />}
      <TextField
        id="cr-landing"
        label="Landing page"
        hint="Where a click leads. Must be https."
        type="url"
        required
        fault={form.faultOf('landingUrl') ?? form.faultOf('adomain')}
        value={value.landingUrl}
        onInput={set('landingUrl')}
      />
      {warning !== '' && (
        <p class="fault soft" role="status">
          {warning}
        </p>
      )}
    </>
  );
}

/** The address of the picture or video, or the HTML; pictures can be uploaded. */
function Source({ value, form, onChange }: CreativeFieldsProps) {
  const set = (source: string): void => onChange({ ...value, source });
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
        onInput={set}
      />
    );
  }
  const label = value.kind === 'video' ? 'Video address' : 'Image address';
  return (
    <>
      <TextField
        id="cr-source"
        label={label}
        hint="https, so that it may be shown everywhere."
        type="url"
        required={value.kind !== 'native'}
        fault={form.faultOf('imageUrl') ?? form.faultOf('mediaFiles') ?? form.faultOf('native.image')}
        value={value.source}
        onInput={set}
      />
      {value.kind !== 'video' && (
        <ImageUpload
          onDone={({ url, w, h }) =>
            onChange({
              ...value,
              source: url,
              imageSize: { w, h },
              ...(value.kind === 'image' ? { size: `${w}x${h}` } : {}),
            })
          }
        />
      )}
    </>
  );
}

function ImageUpload({ onDone }: { onDone: (image: UploadedImage) => void }) {
  const [progress, setProgress] = useState<number | null>(null);
  const [said, setSaid] = useState('');
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const upload = async (file: File): Promise<void> => {
    setProblem(null);
    setSaid('');
    try {
      const image = await sendFile<UploadedImage>('/images', file, file.type || 'image/unknown', setProgress);
      setSaid(`${image.w} × ${image.h}, ${Math.ceil(image.bytes / 1024)} KB`);
      onDone(image);
    } catch (error) {
      setProblem(error as ApiProblem);
    }
    setProgress(null);
  };
  return (
    <FileField
      id="cr-file"
      label="or upload it"
      hint="PNG, JPEG, GIF or WebP, at most 512 KB. Its size is read from it."
      accept="image/png,image/jpeg,image/gif,image/webp"
      onFile={upload}
    >
      {progress !== null && <progress max={1} value={progress} aria-label="Upload" />}
      {said !== '' && <small role="status">{said}</small>}
      {problem !== null && <Fault problem={problem} />}
    </FileField>
  );
}

const mimes = { 'video/mp4': 'MP4', 'video/webm': 'WebM' };

function VideoFields({ value, form, onChange }: CreativeFieldsProps) {
  const set = (field: keyof CreativeText) => (text: string) => onChange({ ...value, [field]: text });
  return (
    <>
      <TextField
        id="cr-seconds"
        label="Length (seconds)"
        required
        fault={form.faultOf('durationSeconds')}
        value={value.seconds}
        onInput={set('seconds')}
      />
      <SelectField id="cr-mime" label="Kind of file" value={value.mime} options={mimes} onChange={set('mime')} />
      <TextField
        id="cr-skip"
        label="May be skipped after (seconds)"
        hint="Empty: not at all."
        fault={form.faultOf('skipAfterSeconds')}
        value={value.skipAfter}
        onInput={set('skipAfter')}
      />
    </>
  );
}

function NativeFields({ value, form, onChange }: CreativeFieldsProps) {
  const field = (name: 'title' | 'description' | 'sponsoredBy' | 'callToAction', label: string, maxLength: number) => (
    <TextField
      id={`cr-${name}`}
      label={label}
      required={name === 'title'}
      maxLength={maxLength}
      fault={form.faultOf(`native.${name}`)}
      value={value[name]}
      onInput={(text) => onChange({ ...value, [name]: text })}
    />
  );
  return (
    <>
      {field('title', 'Title', 200)}
      {field('description', 'Text', 500)}
      {field('sponsoredBy', 'Sponsored by', 100)}
      {field('callToAction', 'Button', 50)}
    </>
  );
}

/** Adds an ad to one of the campaign's line items. */
export function CreativeForm({ lineItems, onDone }: { lineItems: readonly LineItem[]; onDone: () => void }) {
  const [text, setText] = useState(newCreative);
  const [lineItemId, setLineItemId] = useState(String(lineItems[0]?.id ?? 0));
  const form = useSubmit(async () => {
    await send('POST', '/creatives', { body: { ...creativeBody(text), lineItemId: Number(lineItemId) } });
    onDone();
  });
  const names = Object.fromEntries(lineItems.map((lineItem) => [String(lineItem.id), lineItem.name]));
  return (
    <form class="form inset" onSubmit={form.submit} aria-label="New creative">
      <div class="columns">
        <SelectField
          id="cr-line-item"
          label="For line item"
          value={lineItemId}
          options={names}
          onChange={setLineItemId}
        />
        <CreativeFields value={text} form={form} onChange={setText} />
      </div>
      <FormEnd form={form} save="Save creative" onCancel={onDone} />
    </form>
  );
}
