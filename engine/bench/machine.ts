import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** Where and of what a result was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  /** Work waiting for a processor before the run: above 0, others were using the machine. */
  readonly loadBefore: number;
  /** Short commit, with `+` when the tree had changes; '' outside a checkout. */
  readonly commit: string;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    node: process.version,
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    commit: commit(),
  };
}

function commit(): string {
  const run = (...args: string[]): string | null => {
    const done = spawnSync('git', args, { encoding: 'utf8' });
    return done.status === 0 ? done.stdout.trim() : null;
  };
  const head = run('rev-parse', '--short', 'HEAD');
  return head === null ? '' : `${head}${run('status', '--porcelain') === '' ? '' : '+'}`;
}
