import { useEffect, useState } from 'preact/hooks';
import { AdFrame, NATIVE } from './adframe.tsx';
import { send } from './client.ts';
import { type CreativeText, shownPart } from './creativetext.ts';

const SETTLE_MS = 500;
/** Pixels; `.draft .stage` has as much. */
const ROOM = 270;

/** The ad while it is being made, as people will see it. */
export function CreativePreview({ value }: { value: CreativeText }) {
  const [id, setId] = useState<string | null>(null);
  const [said, setSaid] = useState('');
  const part = shownPart(value);
  const asked = part === null ? null : JSON.stringify(part);
  useEffect(() => {
    if (asked === null) {
      setId(null);
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      send<{ id: string }>('POST', '/previews', { body: JSON.parse(asked), signal: abort.signal }).then(
        (made) => {
          setId(made.id);
          setSaid('');
        },
        (error: Error) => {
          if (abort.signal.aborted) return;
          setId(null);
          setSaid(error.message);
        },
      );
    }, SETTLE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [asked]);
  const isBanner = value.kind === 'image' || value.kind === 'html';
  const [w, h] = isBanner ? value.size.split('x').map(Number) : value.kind === 'native' ? [NATIVE.w, NATIVE.h] : [];
  return (
    <figure class="draft">
      {id === null ? (
        <div class="stage">
          <small>{said === '' ? 'The ad appears here.' : said}</small>
        </div>
      ) : (
        <AdFrame path={`/previews/${id}`} title="Preview" w={w} h={h} room={ROOM} />
      )}
      <figcaption>Preview, in a frame that can not touch this page</figcaption>
    </figure>
  );
}
