import { stringify } from 'yaml';
import { settingsMarkdown } from '../config/describe.ts';
import { alertRules, exitCodesMarkdown, grafanaDashboard, metricsMarkdown } from '../metrics/documents.ts';
import { metrics } from '../metrics/table.ts';

const notice = '# Made by `npm run generate` from app/metrics/table.ts; a test keeps it equal to the code.\n';

/** Every committed file that is made from a table in code: path from the project's root → content. */
export function generatedFiles(): Readonly<Record<string, string>> {
  return {
    'docs/configuration.md': settingsMarkdown(),
    'docs/operating/metrics.md': metricsMarkdown(metrics),
    'docs/operating/exit-codes.md': exitCodesMarkdown(),
    'deploy/prometheus/alerts.yaml': notice + stringify(alertRules(metrics), { lineWidth: 0 }),
    'deploy/grafana/dashboards/evenkeel.json': `${JSON.stringify(grafanaDashboard(metrics), null, 2)}\n`,
  };
}
