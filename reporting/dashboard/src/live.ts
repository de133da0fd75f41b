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
  readonly pacing: { readonly state: string; readonly explanation: string; readonly forecastNanos: string } | null;
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

/** The live summary, once a second, and whether the stream is there. Reconnects by itself. */
export function useLive(): { summary: LiveSummary | null; connection: Connection } {
  const [summary, setSummary] = useState<LiveSummary | null>(null);
  const [connection, setConnection] = useState<Connection>('connecting');
  useEffect(() => {
    let source: EventSource | undefined;
    let retry: ReturnType<typeof setTimeout> | undefined;
    const open = (): void => {
      source = new EventSource('/api/v1/live/events');
      source.addEventListener('summary', (event) => {
        setSummary(JSON.parse((event as MessageEvent<string>).data));
        setConnection('live');
      });
      source.addEventListener('failed', () => setConnection('broken'));
      source.onerror = () => {
        setConnection('broken');
        if (source?.readyState !== EventSource.CLOSED) return;
        retry = setTimeout(open, 2000);
        fetch('/api/v1/me', { credentials: 'same-origin' }).then(
          (response) => response.status === 401 && session.onEnd(),
          () => undefined,
        );
      };
    };
    open();
    return () => {
      source?.close();
      clearTimeout(retry);
    };
  }, []);
  return { summary, connection };
}
