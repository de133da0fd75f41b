import { type Page, useData } from './data.ts';
import { dateTime } from './format.ts';
import { Icon } from './icons.tsx';

export interface Alert {
  readonly id: string;
  readonly code: string;
  readonly severity: 'warning' | 'critical';
  readonly message: string;
  readonly campaignId: number | null;
  readonly sinceMs: number;
  readonly untilMs: number | null;
}

/** What needs a look now; nothing when all is well. */
export function AlertList() {
  const alerts = useData<Page<Alert>>('/alerts', 5000);
  const lasting = alerts.data?.items.filter((alert) => alert.untilMs === null) ?? [];
  if (lasting.length === 0) return null;
  return (
    <ul class="alerts" aria-label="Alerts">
      {lasting.slice(0, 8).map((alert) => (
        <li key={alert.id} class={alert.severity}>
          <Icon name="bell" />
          <span>
            {alert.campaignId === null ? alert.message : <a href={`/campaigns/${alert.campaignId}`}>{alert.message}</a>}
            <small> since {dateTime(alert.sinceMs)}</small>
          </span>
        </li>
      ))}
      {lasting.length > 8 && (
        <li class="warning">
          <a href="/alerts">and {lasting.length - 8} more</a>
        </li>
      )}
    </ul>
  );
}
