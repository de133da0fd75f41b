import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, it } from 'vitest';
import { alertRules, grafanaDashboard, queriesOf } from './documents.ts';
import { areas } from './metric.ts';
import { metrics } from './table.ts';

/** Grafana fills this in; any duration will do for the grammar. */
const withInterval = (expression: string): string => expression.replaceAll('$__rate_interval', '1m');

/** Names of metrics and labels in a PromQL expression; throws when it is not PromQL. */
function readPromQL(expression: string): { readonly names: string[]; readonly labels: string[] } {
  const names: string[] = [];
  const labels: string[] = [];
  parser.parse(expression).iterate({
    enter(node) {
      const text = expression.slice(node.from, node.to);
      if (node.type.isError) throw new Error(`not PromQL at ${node.from}: ${expression}`);
      if (node.name === 'Identifier' && text.startsWith('evenkeel_')) names.push(text);
      if (node.name === 'LabelName') labels.push(text);
    },
  });
  return { names, labels };
}

const expressions = metrics.flatMap((metric) => [
  ...queriesOf(metric).map(([expression]) => withInterval(expression)),
  ...(metric.alert === undefined ? [] : [metric.alert.when]),
]);

describe('the list of metrics', () => {
  it('names things as Prometheus asks', () => {
    for (const { name, type, unit, labels } of metrics) {
      expect(name).toMatch(/^evenkeel_[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      expect(name.endsWith('_total'), `${name} is a ${type}`).toBe(type === 'counter');
      if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes|records|rows|nanos)$/);
      if (unit === 'seconds' && type !== 'counter') expect(name).toMatch(/_seconds$/);
      for (const label of labels) expect(label).toMatch(/^[a-z][a-z_]*$/);
    }
    expect(new Set(metrics.map((metric) => metric.name)).size).toBe(metrics.length);
  });

  it('has something in every area, and never a user or a bid as a label', () => {
    for (const area of areas) expect(metrics.filter((metric) => metric.area === area).length, area).toBeGreaterThan(0);
    expect(metrics.flatMap((metric) => metric.labels)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/user|bid_id|token|ip/)]),
    );
  });

  it('says of each what it means, what is normal and what to do', () => {
    for (const metric of metrics) {
      for (const sentence of [metric.says, metric.threshold, metric.action]) expect(sentence).toMatch(/\.$/);
      expect(`${metric.says}${metric.threshold}${metric.action}`, 'a table cell').not.toMatch(/[|\n]/);
    }
  });

  it('refuses what is not PromQL', () => {
    expect(() => readPromQL('sum(rate(evenkeel_x[5m])')).toThrow('not PromQL');
  });

  it('uses only listed metrics and their labels in the dashboard and the alerts', () => {
    const known = new Set(
      metrics.flatMap(({ name, type }) =>
        type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
    const labels = new Set([...metrics.flatMap((metric) => metric.labels), 'le', 'instance', 'job']);
    expect(expressions.length).toBeGreaterThan(metrics.length);
    for (const expression of expressions) {
      const read = readPromQL(expression);
      expect(read.names.length, expression).toBeGreaterThan(0);
      for (const name of read.names) expect(known, expression).toContain(name);
      for (const label of read.labels) expect(labels, expression).toContain(label);
    }
  });

  it('alerts on what costs money or bids, with what to do', () => {
    const [group] = (alertRules(metrics) as { groups: { rules: { alert: string; annotations: object }[] }[] }).groups;
    const names = group?.rules.map((rule) => rule.alert) ?? [];
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('EvenkeelBidsSlow');
    for (const rule of group?.rules ?? []) expect(rule.annotations).toHaveProperty('action');
  });

  it('draws every metric exactly once, without overlap', () => {
    const { panels } = grafanaDashboard(metrics) as {
      panels: { id: number; type: string; gridPos: { x: number; y: number; w: number; h: number } }[];
    };
    expect(panels.filter((panel) => panel.type !== 'row').length).toBe(metrics.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)}:${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });
});
