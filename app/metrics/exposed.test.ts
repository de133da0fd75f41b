import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { PacingStatus } from '../../core/pacingstatus.ts';
import { registerPacingMetrics, registerProcessMetrics } from './register.ts';
import { metrics } from './table.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Rooms that name metrics without the prefix, in a call that adds it. */
const prefixed = /\b(?:counter|gauge|mirrored)\('([a-z_]+)'/g;

/** Every metric name that the product's sources register. */
function namesInSources(): ReadonlySet<string> {
  const names = new Set<string>();
  for (const folder of ['core', 'engine', 'pacing', 'reporting', 'app']) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/^[^.]+\.ts$/.test(entry.name) || /node_modules|engine\/bench/.test(entry.parentPath))
        continue;
      if (entry.parentPath.endsWith('app/metrics') && entry.name !== 'register.ts') continue;
      const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
      if (!text.includes("from 'prom-client'")) continue;
      for (const [, name] of text.matchAll(/'(evenkeel_[a-z_]+)'/g)) names.add(name ?? '');
      if (text.includes('`evenkeel_${name}`'))
        for (const [, name] of text.matchAll(prefixed)) names.add(`evenkeel_${name}`);
    }
  }
  return names;
}

describe('metrics in the code', () => {
  it('are exactly those of the list', () => {
    const found = namesInSources();
    const listed = new Set(metrics.map((metric) => metric.name));
    expect(
      [...found].filter((name) => !listed.has(name)),
      'not in the list',
    ).toEqual([]);
    expect(
      [...listed].filter((name) => !found.has(name)),
      'in the list only',
    ).toEqual([]);
  });

  it('tell how the budgets stand', async () => {
    const registry = new Registry();
    registerPacingMetrics(registry, () => [
      { level: 'campaign', state: 'on_plan', overNanos: '0' } as PacingStatus,
      { level: 'campaign', state: 'ahead', overNanos: '120' } as PacingStatus,
      { level: 'line_item', state: 'ahead', overNanos: '7' } as PacingStatus,
    ]);
    const text = await registry.metrics();
    expect(text).toContain('evenkeel_pacing_states{state="ahead"} 2');
    expect(text).toContain('evenkeel_pacing_states{state="stale_feedback"} 0');
    expect(text).toContain('evenkeel_over_budget_nanos{level="campaign"} 120');
  });

  it('name version and role', async () => {
    const registry = new Registry();
    registerProcessMetrics(registry, { version: '1.2.3', role: 'bidder' });
    const text = await registry.metrics();
    expect(text).toContain('evenkeel_build_info{version="1.2.3",role="bidder"} 1');
    const bytesOf = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
    const residentBytes = bytesOf('process_resident_memory_bytes');
    expect(residentBytes).toBeGreaterThan(1_000_000);
    if (process.platform !== 'linux') return;
    // Node itself is a mapped file.
    expect(bytesOf('evenkeel_process_anonymous_memory_bytes')).toBeLessThan(residentBytes);
    expect(bytesOf('evenkeel_process_anonymous_memory_bytes')).toBeGreaterThan(1_000_000);
  });
});
