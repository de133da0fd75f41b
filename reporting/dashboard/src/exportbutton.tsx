import { useState } from 'preact/hooks';
import type { ApiProblem } from './client.ts';
import { megabytes } from './format.ts';
import { Icon } from './icons.tsx';
import { Fault } from './parts.tsx';
import { saveFile } from './upload.ts';

interface ExportButtonProps {
  readonly path: string;
  readonly name: string;
  readonly label: string;
  readonly primary?: boolean;
}

/** Fetches a file and shows how much of it has come: how long it will be nobody knows before it is there. */
export function ExportButton({ path, name, label, primary = false }: ExportButtonProps) {
  const [bytes, setBytes] = useState<number | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const run = async (): Promise<void> => {
    setProblem(null);
    setBytes(0);
    try {
      await saveFile(path, name, setBytes);
    } catch (error) {
      setProblem(error as ApiProblem);
    }
    setBytes(null);
  };
  return (
    <span class="export">
      <button type="button" class={primary ? 'primary' : ''} onClick={run} disabled={bytes !== null}>
        <Icon name="download" /> {label}
      </button>
      {bytes !== null && (
        <span role="status">
          <progress aria-label={`Exporting ${name}`} /> {megabytes(bytes)}
        </span>
      )}
      {problem !== null && <Fault problem={problem} />}
    </span>
  );
}
