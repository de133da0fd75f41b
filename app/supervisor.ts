import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../core/clock.ts';
import { type RoleMessage, roleMessageSchema } from './messages.ts';
import { lowerPriority } from './priority.ts';

/** One child process that is kept running. */
export interface RoleSpec {
  readonly name: string;
  /** Arguments for the command line, such as `['run', '--role=bidder']`. */
  readonly args: readonly string[];
  /** CPU niceness (0 normal … 19 lowest): analytics must never slow bidding. */
  readonly niceness: number;
}

export interface SupervisorEvents {
  onMessage(role: string, message: RoleMessage): void;
  /** A child ended although nobody asked it to; it is started again after `restartMs`, or null when it is given up. */
  onCrash(role: string, how: string, restartMs: number | null): void;
}

export interface Supervisor {
  /** Resolves when the role said it is ready; rejects when it failed to start. */
  start(spec: RoleSpec): Promise<Extract<RoleMessage, { kind: 'ready' }>>;
  /** Process id of a running role, for tests and for the curious. */
  pid(role: string): number | undefined;
  /** Sends a signal to every child that runs. */
  signal(signal: NodeJS.Signals): void;
  /** Asks the children to stop, newest first, each after the one before has ended. */
  stop(): Promise<void>;
}

const RESTART_MIN_MS = 250;
const RESTART_MAX_MS = 10_000;
/** A child that lived this long starts again with the shortest wait. */
const HEALTHY_MS = 30_000;
const KILL_AFTER_MS = 20_000;
const GIVE_UP_AFTER = 20;

interface Role {
  readonly spec: RoleSpec;
  child: ChildProcess;
  startedMs: number;
  crashes: number;
  timer: NodeJS.Timeout | null;
}

/** Runs roles as child processes and starts them again when they crash, with growing waits. */
export function createSupervisor(events: SupervisorEvents, clock: Clock): Supervisor {
  const roles: Role[] = [];
  /** Children that are not ready yet: they must end with the others. */
  const starting = new Set<ChildProcess>();
  let stopping = false;

  function spawn(spec: RoleSpec): ChildProcess {
    const entry = fileURLToPath(new URL('./cli.js', import.meta.url));
    const child = fork(entry, spec.args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
    child.on('message', (raw) => {
      const message = roleMessageSchema.safeParse(raw);
      if (message.success) events.onMessage(spec.name, message.data);
    });
    return child;
  }

  function watch(role: Role): void {
    role.child.once('exit', (code, signal) => {
      if (stopping) return;
      const lived = clock.monotonicMs() - role.startedMs;
      role.crashes = lived > HEALTHY_MS ? 1 : role.crashes + 1;
      const how = signal === null ? `exit code ${code}` : signal;
      if (role.crashes > GIVE_UP_AFTER) {
        events.onCrash(role.spec.name, how, null);
        return;
      }
      const waitMs = Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** (role.crashes - 1));
      events.onCrash(role.spec.name, how, waitMs);
      role.timer = setTimeout(() => {
        role.child = spawn(role.spec);
        giveWay(role.child, role.spec);
        role.startedMs = clock.monotonicMs();
        watch(role);
      }, waitMs);
    });
  }

  return {
    start(spec) {
      const child = spawn(spec);
      starting.add(child);
      return new Promise((resolve, reject) => {
        let failure = `${spec.name} ended before it was ready`;
        const onExit = (): void => {
          starting.delete(child);
          reject(new Error(failure));
        };
        child.once('exit', onExit);
        child.on('message', function onMessage(raw) {
          const message = roleMessageSchema.safeParse(raw);
          if (!message.success) return;
          if (message.data.kind === 'failed') failure = message.data.line;
          if (message.data.kind !== 'ready') return;
          starting.delete(child);
          child.off('exit', onExit);
          child.off('message', onMessage);
          // Only now: while it starts there is nothing yet to give way to.
          giveWay(child, spec);
          const role: Role = { spec, child, startedMs: clock.monotonicMs(), crashes: 0, timer: null };
          roles.push(role);
          watch(role);
          resolve(message.data);
        });
      });
    },
    pid: (name) => roles.find((role) => role.spec.name === name)?.child.pid,
    signal(signal) {
      for (const role of roles) role.child.kill(signal);
    },
    async stop() {
      stopping = true;
      await Promise.all([...starting].map(stopChild));
      for (const role of [...roles].reverse()) {
        if (role.timer !== null) clearTimeout(role.timer);
        await stopChild(role.child);
      }
    },
  };
}

function giveWay(child: ChildProcess, spec: RoleSpec): void {
  if (child.pid !== undefined && spec.niceness > 0) lowerPriority(child.pid, spec.niceness, true);
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const killer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  child.kill('SIGTERM');
  await ended;
  clearTimeout(killer);
}
