import { useRef, useState } from 'preact/hooks';

interface ShownOnceProps {
  readonly kind: 'key' | 'secret';
  /** What is shown, as the sentence names it. */
  readonly what: string;
  readonly text: string;
}

/** A key or secret that is told this once, to be copied. */
export function ShownOnce({ kind, what, text }: ShownOnceProps) {
  const [copied, setCopied] = useState('');
  const code = useRef<HTMLElement>(null);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(text);
    } catch {
      // Browsers give the clipboard to secure pages alone: then it is marked, ready to be copied by hand.
      getSelection()?.selectAllChildren(code.current!);
    }
  };
  return (
    <div class="made" role="status">
      <p>Copy {what} now. It is not shown again.</p>
      <code ref={code} {...{ [`data-${kind}`]: '' }}>
        {text}
      </code>
      <button type="button" onClick={copy}>
        {copied === text ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}
