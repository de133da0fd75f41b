import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { type ApiProblem, get } from './client.ts';

export interface Data<T> {
  readonly data: T | null;
  readonly problem: ApiProblem | null;
  reload(): void;
}

type Read<T> = (path: string, signal: AbortSignal) => Promise<T>;

/** Reads a resource, again every `everyMs` while the page is visible, keeping the last answer while reading. */
export function useData<T>(path: string | null, everyMs = 0, readFrom: Read<T> = get): Data<T> {
  const [state, setState] = useState<{ path: string | null; data: T | null; problem: ApiProblem | null }>({
    path,
    data: null,
    problem: null,
  });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async (): Promise<void> => {
      try {
        if (!document.hidden) {
          const data = await readFrom(path, abort.signal);
          setState({ path, data, problem: null });
        }
      } catch (error) {
        if (abort.signal.aborted) return;
        setState((before) => ({ path, data: before.path === path ? before.data : null, problem: error as ApiProblem }));
      }
      if (everyMs > 0 && !abort.signal.aborted) timer = setTimeout(read, everyMs);
    };
    void read();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, turn, readFrom]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const fresh = state.path === path;
  return { data: fresh ? state.data : null, problem: fresh ? state.problem : null, reload };
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}
export interface List<T> extends Data<Page<T>> {
  /** Reads one page more; null when all are there. */
  readonly more: (() => void) | null;
}

const PAGE_ITEMS = 50;

/** Reads a list a page at a time; what is read again is as many pages as were asked for. */
export function useList<T>(path: string, everyMs = 0): List<T> {
  const wanted = useMemo(() => ({ path, pages: 1 }), [path]);
  const read = useCallback((from: string, signal: AbortSignal) => readPages<T>(from, wanted.pages, signal), [wanted]);
  const list = useData<Page<T>>(path, everyMs, read);
  const more = (): void => {
    wanted.pages += 1;
    list.reload();
  };
  return { ...list, more: (list.data?.nextCursor ?? null) === null ? null : more };
}

async function readPages<T>(path: string, pages: number, signal: AbortSignal): Promise<Page<T>> {
  const items: T[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < pages; page++) {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const read: Page<T> = await get(`${path}${path.includes('?') ? '&' : '?'}limit=${PAGE_ITEMS}${query}`, signal);
    items.push(...read.items);
    cursor = read.nextCursor;
    if (cursor === null) break;
  }
  return { items, nextCursor: cursor };
}

export interface Budget {
  readonly dailyMicros: number | null;
  readonly lifetimeMicros: number | null;
}
export interface Flight {
  readonly startMs: number;
  readonly endMs: number | null;
}
interface Versioned {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly version: number;
  readonly updatedMs: number;
}
export interface Advertiser extends Versioned {
  readonly currency: string;
  readonly timeZone: string;
  readonly budget: Budget;
}
export interface Campaign extends Versioned {
  readonly advertiserId: number;
  readonly budget: Budget;
  readonly flight: Flight;
}
export interface Rule {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}
export interface Slot {
  /** ISO weekdays, 1 is Monday. */
  readonly days: readonly number[];
  readonly fromHour: number;
  readonly toHour: number;
}
export interface Targeting {
  readonly terms: Readonly<Record<string, Rule>>;
  readonly within: readonly { readonly lat: number; readonly lon: number; readonly km: number }[];
  readonly dayparting: { readonly zone: string; readonly slots: readonly Slot[] } | null;
}
export type Goal =
  | { readonly type: 'cpm'; readonly bidCpmMicros: number }
  | {
      readonly type: 'cpc' | 'cpa';
      readonly targetMicros: number;
      readonly maxCpmMicros: number;
      readonly conversionType?: string;
    };
export interface LineItem extends Versioned {
  readonly campaignId: number;
  readonly budget: Budget;
  readonly flight: Flight;
  readonly goal: Goal;
  readonly pacing: string;
  readonly targeting: Targeting;
  readonly frequencyCaps: readonly { readonly scope: string; readonly impressions: number; readonly per: string }[];
}
/** A person's list of hashes, as the API tells it. */
export interface Audience extends Versioned {
  readonly advertiserId: number;
  readonly users: number;
}
/** Video or sound of an ad. */
export interface Linear {
  readonly durationSeconds: number;
  readonly skipAfterSeconds: number | null;
  readonly vastTagUrl: string | null;
  readonly mediaFiles: readonly {
    readonly url: string;
    readonly mime: string;
    readonly w: number;
    readonly h: number;
    readonly bitrateKbps: number;
  }[];
}
export interface Creative extends Versioned {
  readonly lineItemId: number;
  readonly format: string;
  readonly banner: {
    readonly w: number;
    readonly h: number;
    readonly imageUrl: string | null;
    readonly html: string | null;
  } | null;
  readonly video: Linear | null;
  readonly audio: Linear | null;
  readonly native: {
    readonly title: string;
    readonly description: string;
    readonly sponsoredBy: string;
    readonly callToAction: string;
    readonly image: { readonly url: string; readonly w: number; readonly h: number } | null;
  } | null;
  readonly approval: string;
  readonly landingUrl: string;
}
export interface PacingStatus {
  readonly level: 'account' | 'campaign' | 'line_item';
  readonly id: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly budgetNanos: string | null;
  readonly plannedNanos: string;
  readonly actualNanos: string;
  readonly forecastNanos: string;
  readonly overDeliveredNanos: string;
  readonly leaseNanos: string;
  readonly reservedNanos: string;
  readonly presumedNanos: string;
  readonly multiplierPpm: number;
  readonly passPpm: number;
  readonly state: string;
  readonly explanation: string;
}
export interface Report {
  /** null when the rows are in different currencies. */
  readonly currency: string | null;
  readonly rows: readonly ReportRow[];
  readonly totals?: ReportRow;
  readonly previousTotals?: ReportRow;
  readonly truncated: boolean;
}
export type Measured = number | string | null;
export type ReportRow = Readonly<Record<string, Measured>>;

/** What stands beside a row of a report that is compared: the same metrics of the period before. */
export function previousOf(row: ReportRow): ReportRow | undefined {
  // The one cell that is no measure.
  return (row as { readonly previous?: unknown }).previous as ReportRow | undefined;
}
