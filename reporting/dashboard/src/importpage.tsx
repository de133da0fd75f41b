import { useState } from 'preact/hooks';
import { ApiProblem, type Me } from './client.ts';
import { ExportButton } from './exportbutton.tsx';
import { FileField } from './fields.tsx';
import { plural } from './format.ts';
import { Card, Fault } from './parts.tsx';
import { Table } from './table.tsx';
import { sendFile } from './upload.ts';

interface ImportResult {
  readonly dryRun: boolean;
  readonly valid: number;
  readonly created: readonly number[];
  readonly errors: readonly { readonly line: number; readonly field: string; readonly message: string }[];
}

const SHOWN = 100;

/** Many campaigns from a file: looked at first, then all of them or none. */
export function ImportPage({ me }: { me: Me }) {
  const [file, setFile] = useState<File | null>(null);
  const [progress, setProgress] = useState<number | null>(null);
  const [result, setResult] = useState<ImportResult | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const run = async (chosen: File, dryRun: boolean): Promise<void> => {
    setProblem(null);
    setResult(null);
    const type = /\.json$/i.test(chosen.name) ? 'application/json' : 'text/csv';
    try {
      setResult(await sendFile<ImportResult>(`/campaigns/import?dryRun=${dryRun}`, chosen, type, setProgress));
    } catch (error) {
      setProblem(error instanceof ApiProblem ? error : new ApiProblem(0, {}));
    }
    setProgress(null);
  };
  const choose = (chosen: File): void => {
    setFile(chosen);
    void run(chosen, true);
  };
  return (
    <>
      <header class="page-head">
        <div>
          <p class="crumbs">
            <a href="/">Overview</a> / Import
          </p>
          <h1>Import and export</h1>
          <p>A line item a line (CSV), or whole trees with line items and ads (JSON), as the export writes them.</p>
        </div>
        <div class="actions">
          <ExportButton path="/api/v1/campaigns/export?format=csv" name="campaigns.csv" label="Export CSV" />
          <ExportButton path="/api/v1/campaigns/export" name="campaigns.json" label="Export JSON" />
        </div>
      </header>
      {me.role === 'read_only' ? (
        <p class="empty">Your key can only read.</p>
      ) : (
        <Card title="Import">
          <div class="form">
            <FileField
              id="im-file"
              label="File"
              hint="It is checked first; nothing is created before you say so."
              accept=".csv,.json,text/csv,application/json"
              onFile={choose}
            />
            {progress !== null && <progress max={1} value={progress} aria-label="Upload" />}
            {problem !== null && <Fault problem={problem} />}
            {result !== null && <Result result={result} onCreate={() => file !== null && run(file, false)} />}
          </div>
        </Card>
      )}
      <Card title="Columns of the CSV">
        <p>
          <code data-field="columns">
            campaign, advertiserId, name, status, dailyBudget, lifetimeBudget, start, end, lineItem, goal, target,
            bidCpm, pacing, lineItemDailyBudget, lineItemLifetimeBudget, countries, devices, sites
          </code>
        </p>
        <p class="note">
          A line item a line; lines that follow each other under one name, each with a <code>lineItem</code>, are one
          campaign. Only <code>name</code> and <code>advertiserId</code> must be there. Amounts are in your currency,
          times like <code>2026-12-01T00:00:00Z</code>, countries in three letters with spaces between.
        </p>
      </Card>
    </>
  );
}

function Result({ result, onCreate }: { result: ImportResult; onCreate: () => void }) {
  if (!result.dryRun) {
    return (
      <p class="sentence" role="status" data-field="imported">
        Created: {plural(result.created.length, 'campaign')}. <a href="/">See them</a>
      </p>
    );
  }
  return (
    <>
      <p class="sentence" role="status" data-field="checked">
        {plural(result.valid, 'campaign')} can be created
        {result.errors.length > 0 ? `; ${plural(result.errors.length, 'fault')} must be mended first.` : '.'}
      </p>
      {result.errors.length > 0 ? (
        <Table label="Faults" columns={['#Line', 'Field', 'What is wrong']}>
          {result.errors.slice(0, SHOWN).map((fault) => (
            <tr key={`${fault.line} ${fault.field}`}>
              <td class="number">{fault.line}</td>
              <td>
                <code>{fault.field}</code>
              </td>
              <td class="wrap">{fault.message}</td>
            </tr>
          ))}
        </Table>
      ) : (
        <button type="button" class="primary" onClick={onCreate} disabled={result.valid === 0}>
          Create them
        </button>
      )}
    </>
  );
}
