import { exitCodes } from '../../core/exitcodes.ts';
import { areas, type Metric } from './metric.ts';

const GENERATED = 'made by `npm run generate` from `app/metrics/table.ts`; a test keeps it equal to the code';

/** docs/operating/metrics.md */
export function metricsMarkdown(metrics: readonly Metric[]): string {
  const sections = areas.map((area) => {
    const rows = inArea(metrics, area).map(
      (metric) =>
        `| \`${metric.name}\`${labelsOf(metric)} | ${metric.type}, ${metric.unit} | ${metric.roles.join(', ')} | ${metric.says} | ${metric.threshold} | ${metric.action} |`,
    );
    return `## ${area}\n\n| metric | type, unit | role | meaning | normal | what to do otherwise |\n|---|---|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Metrics

Every process serves these at \`/metrics\` in the Prometheus text format. This is the whole list of metrics named
\`evenkeel_\`; a test compares it with what running processes really expose. Next to them are Node's own
\`process_*\` and \`nodejs_*\`. The dashboard (\`deploy/grafana/dashboards/evenkeel.json\`) and the alert rules
(\`deploy/prometheus/alerts.yaml\`) are made from the same list.

This page is ${GENERATED}.

${sections.join('\n')}
## Alerts

| alert | tells | when | for |
|---|---|---|---|
${alerting(metrics)
  .map(
    ({ alert }) => `| ${alert.name} | ${alert.severity} | \`${escapePipes(alert.when)}\` | ${alert.forMinutes} min |`,
  )
  .join('\n')}
`;
}

/** docs/operating/exit-codes.md */
export function exitCodesMarkdown(): string {
  const rows = Object.values(exitCodes).map(({ code, says }) => `| ${code} | ${says} |`);
  return `# Exit codes

| code | meaning |
|---|---|
${rows.join('\n')}

A process that a signal ended has no exit code of ours; a shell shows 128 plus the signal's number (137 for SIGKILL).
A role that does not stop within 18 s ends itself by SIGKILL, after a line \`stop.late\` in its log: what was acknowledged is on
disk, and the next one goes on from there.

This page is made by \`npm run generate\` from \`core/exitcodes.ts\`; a test keeps it equal to the code.
`;
}

/** Rules for Prometheus, as the object that is written as YAML. */
export function alertRules(metrics: readonly Metric[]): object {
  return {
    groups: [
      {
        name: 'evenkeel',
        rules: alerting(metrics).map(({ alert, action, says }) => ({
          alert: alert.name,
          expr: alert.when,
          for: `${alert.forMinutes}m`,
          labels: { severity: alert.severity },
          annotations: { summary: says, action, runbook: 'docs/operating/metrics.md' },
        })),
      },
    ],
  };
}

/** A Grafana dashboard: one row an area, one panel a metric. */
export function grafanaDashboard(metrics: readonly Metric[]): object {
  const panels: object[] = [];
  let y = 0;
  let id = 0;
  for (const area of areas) {
    const members = inArea(metrics, area);
    id += 1;
    panels.push({ id, type: 'row', title: area, collapsed: false, panels: [], gridPos: { h: 1, w: 24, x: 0, y } });
    y += 1;
    for (const [index, metric] of members.entries()) {
      id += 1;
      const gridPos = { h: PANEL_HEIGHT, w: PANEL_WIDTH, x: (index % PER_ROW) * PANEL_WIDTH, y };
      panels.push(panelOf(metric, id, gridPos));
      if (index % PER_ROW === PER_ROW - 1 || index === members.length - 1) y += PANEL_HEIGHT;
    }
  }
  return {
    uid: 'evenkeel',
    title: 'Evenkeel',
    tags: ['evenkeel'],
    timezone: 'utc',
    schemaVersion: 39,
    version: 1,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: [datasourceVariable] },
    panels,
  };
}

const PANEL_HEIGHT = 8;
const PANEL_WIDTH = 8;
const PER_ROW = 3;
const datasource = { type: 'prometheus', uid: '${datasource}' };
const datasourceVariable = { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' };

function panelOf(metric: Metric, id: number, gridPos: object): object {
  return {
    id,
    type: 'timeseries',
    title: titleOf(metric),
    description: `${metric.says} Normal: ${metric.threshold} Otherwise: ${metric.action}`,
    datasource,
    gridPos,
    fieldConfig: { defaults: { unit: grafanaUnit(metric), min: 0 }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
    targets: queriesOf(metric).map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat,
    })),
  };
}

/** What a panel draws: rates of counters, quantiles of histograms, gauges as they are. */
export function queriesOf(metric: Metric): readonly (readonly [expr: string, legend: string])[] {
  const by = metric.labels.length > 0 ? metric.labels : ['instance'];
  const legend = by.map((label) => `{{${label}}}`).join(' ');
  if (metric.type === 'counter')
    return [[`sum by (${by.join(', ')}) (rate(${metric.name}[$__rate_interval]))`, legend]];
  if (metric.type === 'gauge') {
    const labels = ['instance', ...metric.labels];
    return [[`max by (${labels.join(', ')}) (${metric.name})`, labels.map((label) => `{{${label}}}`).join(' ')]];
  }
  return [0.5, 0.99, 0.999].map((quantile) => [
    `histogram_quantile(${quantile}, sum by (${['le', ...metric.labels].join(', ')}) (rate(${metric.name}_bucket[$__rate_interval])))`,
    `p${quantile * 100} ${metric.labels.map((label) => `{{${label}}}`).join(' ')}`.trim(),
  ]);
}

function titleOf(metric: Metric): string {
  const words = metric.name
    .replace(/^evenkeel_/, '')
    .replace(/_total$/, '')
    .replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function grafanaUnit(metric: Metric): string {
  if (metric.unit === 'seconds') return 's';
  if (metric.unit === 'milliseconds') return 'ms';
  if (metric.unit === 'bytes') return metric.type === 'counter' ? 'Bps' : 'bytes';
  if (metric.unit === 'ratio') return 'percentunit';
  return metric.type === 'counter' ? 'ops' : 'short';
}

function inArea(metrics: readonly Metric[], area: string): readonly Metric[] {
  return metrics.filter((metric) => metric.area === area);
}

function alerting(metrics: readonly Metric[]): readonly (Metric & { readonly alert: NonNullable<Metric['alert']> })[] {
  return metrics.flatMap((metric) => (metric.alert === undefined ? [] : [{ ...metric, alert: metric.alert }]));
}

function labelsOf(metric: Metric): string {
  return metric.labels.length === 0 ? '' : ` {${metric.labels.join(', ')}}`;
}

function escapePipes(text: string): string {
  return text.replaceAll('|', '\\|');
}
