import { useEffect, useState } from 'preact/hooks';
import { session } from './client.ts';

export interface Counts {
  readonly impressions: number;
  readonly clicks: number;
  readonly spendNanos: string;
}
export interface Hindrance {
  readonly code: string;
  readonly message: string;
}
export interface LiveCampaign {
  readonly id: number;
  readonly name: string;
  readonly advertiserId: number;
  readonly advertiserName: string;
  readonly currency: string;
  readonly timeZone: string;
  readonly status: string;
  readonly today: Counts;
  readonly lifetime: Counts;
  readonly dailyBudgetNanos: string | null;
  readonly lifetimeBudgetNanos: string | null;
  readonly plannedNanos: string | null;
  readonly pacing: {
    readonly state: string;
    readonly plan: string;
    readonly explanation: string;
    readonly forecastNanos: string;
  } | null;
  readonly dayEndMs: number;
  readonly hindrances: readonly Hindrance[];
}
export interface LiveSummary {
  readonly nowMs: number;
  readonly readMs: number;
  readonly campaigns: readonly LiveCampaign[];
  readonly omitted: number;
  readonly minutes: readonly (Counts & { readonly timeMs: number })[];
}
export type Connection = 'connecting' | 'live' | 'broken';

interface Live {
  /** null until the first one has come. */
  readonly summary: LiveSummary | null;
  readonly connection: Connection;
}

const RETRY_MS = 2000;
/** A stream that nothing shows stays open this long, for the page that is opened next. */
const LINGER_MS = 5000;
const nothing: Live = { summary: null, connection: 'connecting' };

let live = nothing;
let source: EventSource | null = null;
let retry: ReturnType<typeof setTimeout> | undefined;
let linger: ReturnType<typeof setTimeout> | undefined;
const watchers = new Set<(state: Live) => void>();

function become(state: Live): void {
  live = state;
  for (const watch of watchers) watch(state);
}

/** Opens the stream unless it is open: a page that will show it need not wait to be drawn first. */
export function openLive(): void {
  if (source !== null) return;
  clearTimeout(retry);
  const opened = new EventSource('/api/v1/live/events');
  source = opened;
  opened.addEventListener('summary', (event) =>
    become({ summary: JSON.parse((event as MessageEvent<string>).data), connection: 'live' }),
  );
  opened.addEventListener('failed', () => become({ ...live, connection: 'broken' }));
  opened.onerror = () => {
    become({ ...live, connection: 'broken' });
    if (source !== opened || opened.readyState !== EventSource.CLOSED) return;
    source = null;
    retry = setTimeout(openLive, RETRY_MS);
    fetch('/api/v1/me', { credentials: 'same-origin' }).then(
      (response) => response.status === 401 && session.onEnd(),
      () => undefined,
    );
  };
}

/** Closes the stream and forgets what it told: the next to log in may be somebody else. */
export function closeLive(): void {
  source?.close();
  source = null;
  clearTimeout(retry);
  clearTimeout(linger);
  become(nothing);
}

/** The live summary, once a second, and whether the stream is there. One stream for all; it reconnects by itself. */
export function useLive(): Live {
  const [state, setState] = useState(live);
  useEffect(() => {
    clearTimeout(linger);
    watchers.add(setState);
    setState(live);
    openLive();
    return () => {
      watchers.delete(setState);
      if (watchers.size === 0) linger = setTimeout(closeLive, LINGER_MS);
    };
  }, []);
  return state;
}
