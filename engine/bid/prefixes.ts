/** Longest prefix whose view is kept; each is about 100 bytes. */
const MAX_KEPT_BYTES = 8192;

/** Gives views of the first bytes of a buffer and makes each only once: a new one per answer would be its largest garbage. */
export function createPrefixes(): (bytes: Uint8Array, length: number) => Uint8Array {
  let of: Uint8Array | null = null;
  let views: (Uint8Array | undefined)[] = [];
  return (bytes, length) => {
    if (length >= MAX_KEPT_BYTES) return bytes.subarray(0, length);
    if (bytes !== of) {
      of = bytes;
      views = Array.from({ length: MAX_KEPT_BYTES }, () => undefined);
    }
    let view = views[length];
    if (view === undefined) {
      view = bytes.subarray(0, length);
      views[length] = view;
    }
    return view;
  };
}
