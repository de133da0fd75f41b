import { useState } from 'preact/hooks';
import { type ApiProblem, send } from './client.ts';
import type { LineItem } from './data.ts';
import { Fault, Field } from './parts.tsx';

export interface CreativeText {
  name: string;
  size: string;
  kind: 'image' | 'html';
  source: string;
  landingUrl: string;
}

export const newCreative: CreativeText = { name: '', size: '300x250', kind: 'image', source: '', landingUrl: '' };
const sizes = ['300x250', '320x50', '728x90', '160x600', '300x600', '970x250', '320x480', '336x280', '300x50'];

/** The body of a banner creative. The advertiser's domain is that of the landing page. */
export function creativeBody(text: CreativeText): Record<string, unknown> {
  const [w, h] = text.size.split('x').map(Number);
  const host = URL.canParse(text.landingUrl) ? new URL(text.landingUrl).hostname : '';
  return {
    name: text.name === '' ? `Banner ${text.size.replace('x', '×')}` : text.name,
    format: 'banner',
    banner: { w, h, ...(text.kind === 'image' ? { imageUrl: text.source } : { html: text.source }) },
    landingUrl: text.landingUrl,
    adomain: [host.replace(/^www\./, '')],
  };
}

interface CreativeFieldsProps {
  readonly value: CreativeText;
  readonly problem: ApiProblem | null;
  readonly onChange: (value: CreativeText) => void;
}

export function CreativeFields({ value, problem, onChange }: CreativeFieldsProps) {
  const faultOf = (field: string): string | undefined =>
    problem?.field?.includes(field) ? problem.message : undefined;
  return (
    <>
      <Field label="Creative name" id="cr-name" hint="Only you see it.">
        <input
          id="cr-name"
          value={value.name}
          onInput={(event) => onChange({ ...value, name: event.currentTarget.value })}
        />
      </Field>
      <Field label="Size" id="cr-size">
        <select
          id="cr-size"
          value={value.size}
          onChange={(event) => onChange({ ...value, size: event.currentTarget.value })}
        >
          {sizes.map((size) => (
            <option key={size} value={size}>
              {size.replace('x', ' × ')}
            </option>
          ))}
        </select>
      </Field>
      <Field label="Ad is" id="cr-kind">
        <select
          id="cr-kind"
          value={value.kind}
          onChange={(event) => onChange({ ...value, kind: event.currentTarget.value as 'image' | 'html' })}
        >
          <option value="image">an image with an address</option>
          <option value="html">HTML of your own</option>
        </select>
      </Field>
      <Field
        label={value.kind === 'image' ? 'Image address' : 'HTML'}
        id="cr-source"
        hint={
          value.kind === 'image'
            ? 'https, so that it may be shown everywhere.'
            : 'Put ${CLICK_URL} where the click should go.'
        }
        fault={faultOf('banner')}
      >
        {value.kind === 'image' ? (
          <input
            id="cr-source"
            type="url"
            required
            value={value.source}
            onInput={(event) => onChange({ ...value, source: event.currentTarget.value })}
          />
        ) : (
          <textarea
            id="cr-source"
            rows={4}
            required
            value={value.source}
            onInput={(event) => onChange({ ...value, source: event.currentTarget.value })}
          />
        )}
      </Field>
      <Field
        label="Landing page"
        id="cr-landing"
        hint="Where a click leads. Must be https."
        fault={faultOf('landingUrl') ?? faultOf('adomain')}
      >
        <input
          id="cr-landing"
          type="url"
          required
          value={value.landingUrl}
          onInput={(event) => onChange({ ...value, landingUrl: event.currentTarget.value })}
        />
      </Field>
    </>
  );
}

/** Adds a banner to one of the campaign's line items. */
export function CreativeForm({ lineItems, onDone }: { lineItems: readonly LineItem[]; onDone: () => void }) {
  const [text, setText] = useState(newCreative);
  const [lineItemId, setLineItemId] = useState(lineItems[0]?.id ?? 0);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await send('POST', '/creatives', { body: { ...creativeBody(text), lineItemId } });
      onDone();
    } catch (error) {
      setProblem(error as ApiProblem);
      setBusy(false);
    }
  };
  return (
    <form class="form inset" onSubmit={submit} aria-label="New creative">
      <div class="columns">
        <Field label="For line item" id="cr-line-item">
          <select
            id="cr-line-item"
            value={lineItemId}
            onChange={(event) => setLineItemId(Number(event.currentTarget.value))}
          >
            {lineItems.map((lineItem) => (
              <option key={lineItem.id} value={lineItem.id}>
                {lineItem.name}
              </option>
            ))}
          </select>
        </Field>
        <CreativeFields value={text} problem={problem} onChange={setText} />
      </div>
      {problem !== null && <Fault problem={problem} />}
      <div class="actions">
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Saving …' : 'Save creative'}
        </button>
        <button type="button" onClick={onDone}>
          Cancel
        </button>
      </div>
    </form>
  );
}
