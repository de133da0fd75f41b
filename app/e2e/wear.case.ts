import { anonymousMemoryBytes } from '../../core/anonymousmemory.ts';

/** What a process holds at one moment, from its own metrics. */
export interface Holding {
  /** All resident memory: most of it the program itself and pages of the log's file, which the system takes back. */
  readonly rssMb: number;
  /** Resident memory that is the process's own and has no file behind it; all of it where the system does not say. */
  readonly ownMb: number;
  readonly heapMb: number;
  /** Open files and sockets. */
  readonly files: number;
  /** Handles of the event loop. */
  readonly handles: number;
}

/** Reads one process's `/metrics`, and what Linux says of its memory; null while it does not answer. */
export async function readHolding(url: string, pid: number): Promise<Holding | null> {
  const text = await fetch(`${url}/metrics`)
    .then((answer) => answer.text())
    .catch(() => '');
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  const rssMb = value('process_resident_memory_bytes') / 1e6;
  const ownBytes = anonymousMemoryBytes(pid);
  const holding = {
    rssMb,
    ownMb: ownBytes === null ? rssMb : ownBytes / 1e6,
    heapMb: value('nodejs_heap_size_used_bytes') / 1e6,
    files: value('process_open_fds'),
    handles: value('nodejs_active_handles_total'),
  };
  return Object.values(holding).some(Number.isNaN) ? null : holding;
}

/** What grows for ever shows between the first and the last third of a process's life, each by its median. */
export interface Wear {
  readonly samples: number;
  readonly first: Holding;
  readonly last: Holding;
  readonly most: Holding;
  /** What has grown beyond what comes and goes; empty when nothing has. */
  readonly grown: readonly string[];
}

/** A process that lived for less is not judged. */
const MIN_SAMPLES = 30;
/** What may come and go: a fraction of the first third, and a step on top of it. */
const ALLOWED = { ownMb: [0.1, 25], heapMb: [0.25, 15], files: [0.1, 20], handles: [0.1, 20] } as const;

/** Judges one process by samples taken at even intervals. @returns null for too few */
export function wearOf(samples: readonly Holding[]): Wear | null {
  if (samples.length < MIN_SAMPLES) return null;
  const third = Math.floor(samples.length / 3);
  const first = middleOf(samples.slice(0, third));
  const last = middleOf(samples.slice(-third));
  const names = Object.keys(ALLOWED) as (keyof typeof ALLOWED)[];
  const grown = names.filter((name) => {
    const [part, step] = ALLOWED[name];
    return last[name] > first[name] * (1 + part) + step;
  });
  return {
    samples: samples.length,
    first,
    last,
    most: each((name) => Math.max(...samples.map((one) => one[name]))),
    grown,
  };
}

function middleOf(samples: readonly Holding[]): Holding {
  return each((name) => samples.map((one) => one[name]).sort((a, b) => a - b)[samples.length >> 1] ?? 0);
}

function each(of: (name: keyof Holding) => number): Holding {
  return { rssMb: of('rssMb'), ownMb: of('ownMb'), heapMb: of('heapMb'), files: of('files'), handles: of('handles') };
}

/** One line for people. */
export function describeWear(name: string, { samples, first, last, most, grown }: Wear): string {
  const show = (of: keyof Holding, unit = '') =>
    `${of.replace('Mb', '')} ${Math.round(first[of])} → ${Math.round(last[of])}${unit} (most ${Math.round(most[of])})`;
  const verdict = grown.length === 0 ? 'flat' : `GREW: ${grown.join(', ')}`;
  return `${name}, ${samples} samples: ${show('rssMb', ' MB')}, ${show('ownMb', ' MB')}, ${show('heapMb', ' MB')}, ${show('files')}, ${show('handles')}: ${verdict}`;
}
