import { Counter, collectDefaultMetrics, Gauge, type Registry } from 'prom-client';
import { anonymousMemoryBytes } from '../../core/anonymousmemory.ts';
import { type PacingStatus, pacingStates } from '../../core/pacingstatus.ts';

/** Metrics every process has: Node's own, and which version and role this is. */
export function registerProcessMetrics(
  registry: Registry,
  labels: { readonly version: string; readonly role: string },
): void {
  collectDefaultMetrics({ register: registry });
  const info = new Gauge({
    name: 'evenkeel_build_info',
    help: 'Version and role of the process.',
    labelNames: ['version', 'role'],
    registers: [registry],
  });
  info.set(labels, 1);
  if (anonymousMemoryBytes('self') === null) return;
  new Gauge({
    name: 'evenkeel_process_anonymous_memory_bytes',
    help: 'Resident memory without mapped files and libraries.',
    registers: [registry],
    collect() {
      this.set(anonymousMemoryBytes('self') ?? 0);
    },
  });
}

/** Counts how reloads of the configuration ended. */
export function reloadCounter(registry: Registry): Counter<'outcome'> {
  return new Counter({
    name: 'evenkeel_config_reloads_total',
    help: 'Reloads of the configuration by what became of them.',
    labelNames: ['outcome'],
    registers: [registry],
  });
}

/** How long ago what the store has last was logged. */
export function registerReportingAge(registry: Registry, ageMs: () => number): void {
  new Gauge({
    name: 'evenkeel_reporting_age_seconds',
    help: 'Age of the newest record in the store.',
    registers: [registry],
    collect() {
      this.set(Math.max(0, ageMs()) / 1000);
    },
  });
}

/** How the budgets stand, from the pacer's own answers. */
export function registerPacingMetrics(registry: Registry, statuses: () => readonly PacingStatus[]): void {
  const registers = [registry];
  new Gauge({
    name: 'evenkeel_pacing_states',
    help: 'Budgets by how they stand.',
    labelNames: ['state'],
    registers,
    collect() {
      const counts = new Map<string, number>(pacingStates.map((state) => [state, 0]));
      for (const { state } of statuses()) counts.set(state, (counts.get(state) ?? 0) + 1);
      for (const [state, count] of counts) this.set({ state }, count);
    },
  });
  new Gauge({
    name: 'evenkeel_over_budget_nanos',
    help: 'Confirmed above a budget by late bills.',
    labelNames: ['level'],
    registers,
    collect() {
      const sums = new Map<string, bigint>([
        ['account', 0n],
        ['campaign', 0n],
        ['line_item', 0n],
      ]);
      for (const { level, overNanos } of statuses()) sums.set(level, (sums.get(level) ?? 0n) + BigInt(overNanos));
      for (const [level, nanos] of sums) this.set({ level }, Number(nanos));
    },
  });
}
