import { useState } from 'preact/hooks';
import { send } from './client.ts';
import { creativePatch, creativeText } from './creativeedit.ts';
import { CreativePreview } from './creativepreview.tsx';
import { CreativeSource } from './creativesource.tsx';
import {
  bannerSizes,
  type CreativeKind,
  type CreativeText,
  creativeBody,
  creativeWarning,
  newCreative,
  ofKind,
} from './creativetext.ts';
import type { Creative, LineItem } from './data.ts';
import { EditorForm } from './editorform.tsx';
import { SelectField, TextField } from './fields.tsx';
import { type Submission, useSubmit } from './formstate.tsx';

interface CreativeFieldsProps {
  readonly value: CreativeText;
  readonly form: Submission;
  readonly onChange: (value: CreativeText) => void;
}

const kinds = {
  image: 'an image',
  html: 'HTML of your own',
  video: 'a video',
  audio: 'a sound (radio, podcasts)',
  native: 'text and a picture (native)',
};
const sizes = Object.fromEntries(bannerSizes.map((size) => [size, size.replace('x', ' × ')]));

/** What the ad shows and where it leads, with a look at it. */
export function CreativeFields({ value, form, onChange }: CreativeFieldsProps) {
  const set = (field: keyof CreativeText) => (text: string) => onChange({ ...value, [field]: text });
  const warning = creativeWarning(value);
  return (
    <div class="creative-fields">
      <div class="columns">
        <TextField
          id="cr-name"
          label="Creative name"
          hint="Only you see it."
          value={value.name}
          onInput={set('name')}
        />
        <SelectField
          id="cr-kind"
          label="Ad is"
          hint="Each kind fits other places."
          value={value.kind}
          options={kinds}
          onChange={(kind) => onChange(ofKind(value, kind as CreativeKind))}
        />
        {(value.kind === 'image' || value.kind === 'html') && (
          <SelectField
            id="cr-size"
            label="Size"
            hint="Width × height in pixels."
            value={value.size}
            options={{ ...sizes, [value.size]: value.size.replace('x', ' × ') }}
            onChange={set('size')}
          />
        )}
        {value.kind === 'native' && <NativeFields value={value} form={form} onChange={onChange} />}
        <CreativeSource value={value} form={form} onChange={onChange} />
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
      </div>
      <CreativePreview value={value} />
    </div>
  );
}

function NativeFields({ value, form, onChange }: CreativeFieldsProps) {
  const field = (
    name: 'title' | 'description' | 'sponsoredBy' | 'callToAction',
    label: string,
    hint: string,
    maxLength: number,
  ) => (
    <TextField
      id={`cr-${name}`}
      label={label}
      hint={hint}
      required={name === 'title'}
      maxLength={maxLength}
      fault={form.faultOf(`native.${name}`)}
      value={value[name]}
      onInput={(text) => onChange({ ...value, [name]: text })}
    />
  );
  return (
    <>
      {field('title', 'Title', 'Some sites cut it after 25 letters.', 200)}
      {field('description', 'Text', 'Some sites cut it after 90 letters.', 500)}
      {field('sponsoredBy', 'Sponsored by', 'Your brand.', 100)}
      {field('callToAction', 'Button', 'See more, Book now …', 50)}
    </>
  );
}

interface CreativeFormProps {
  readonly lineItems: readonly LineItem[];
  /** The ad to change; null makes a new one. */
  readonly creative: Creative | null;
  /** What an advertiser changes is looked at again. */
  readonly mayApprove: boolean;
  readonly onDone: () => void;
}

/** Adds an ad to one of the campaign's line items, or changes one. */
export function CreativeForm({ lineItems, creative, mayApprove, onDone }: CreativeFormProps) {
  const [text, setText] = useState(creative === null ? newCreative : creativeText(creative));
  const [lineItemId, setLineItemId] = useState(String(lineItems[0]?.id ?? 0));
  const form = useSubmit(async () => {
    if (creative === null)
      await send('POST', '/creatives', { body: { ...creativeBody(text), lineItemId: Number(lineItemId) } });
    else {
      const body = creativePatch(text, creative);
      await send('PATCH', `/creatives/${creative.id}`, { body, etag: `"v${creative.version}"` });
    }
    onDone();
  });
  const names = new Map(lineItems.map((lineItem) => [String(lineItem.id), lineItem.name]));
  return (
    <EditorForm
      label={creative === null ? 'New creative' : `Edit ${creative.name}`}
      form={form}
      save="Save creative"
      onCancel={onDone}
    >
      {creative === null ? (
        <div class="columns">
          <SelectField
            id="cr-line-item"
            label="For line item"
            hint="Its bid and targeting count for the ad."
            value={lineItemId}
            options={names}
            onChange={setLineItemId}
          />
        </div>
      ) : (
        !mayApprove && <p class="note">What it shows or where it leads, once changed, waits for approval again.</p>
      )}
      <CreativeFields value={text} form={form} onChange={setText} />
    </EditorForm>
  );
}
