import { useState } from 'preact/hooks';
import type { Alert } from './alerts.tsx';
import { type Me, send } from './client.ts';
import { useList } from './data.ts';
import { TextField } from './fields.tsx';
import { dateTime } from './format.ts';
import { FormEnd, useSubmit } from './formstate.tsx';
import { ShownOnce } from './shownonce.tsx';
import { ListCard } from './table.tsx';

interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly createdMs: number;
}

/** What needs or needed a look, and for operators where alerts are sent. */
export function AlertsPage({ me }: { me: Me }) {
  const alerts = useList<Alert>('/alerts', 5000);
  return (
    <>
      <header class="page-head">
        <div>
          <h1>Alerts</h1>
          <p>What needs a look now, and what did before. An alert ends by itself when its cause is gone.</p>
        </div>
      </header>
      <ListCard
        title="All alerts"
        label="Alerts"
        list={alerts}
        empty="All is well, and was."
        columns={['What', 'Since', 'Until']}
        row={(alert) => (
          <tr key={`${alert.id} ${alert.sinceMs}`}>
            <th scope="row" class="wrap">
              {alert.campaignId === null ? (
                alert.message
              ) : (
                <a href={`/campaigns/${alert.campaignId}`}>{alert.message}</a>
              )}
              <small class="block">
                <span class={`pill ${alert.severity === 'critical' ? 'rejected' : 'warn'}`}>
                  {alert.code.replace(/_/g, ' ')}
                </span>
              </small>
            </th>
            <td>{dateTime(alert.sinceMs)}</td>
            <td>{alert.untilMs === null ? 'lasts' : dateTime(alert.untilMs)}</td>
          </tr>
        )}
      />
      {me.role === 'operator' && <Webhooks />}
    </>
  );
}

function Webhooks() {
  const hooks = useList<Webhook>('/webhooks');
  const remove = async (hook: Webhook): Promise<void> => {
    if (!confirm(`Stop sending alerts to ${hook.url}?`)) return;
    await send('DELETE', `/webhooks/${hook.id}`).catch(() => undefined);
    hooks.reload();
  };
  return (
    <ListCard
      title="Sent to"
      label="Webhooks"
      list={hooks}
      empty="Alerts are shown on this page alone."
      columns={['Address', 'Since', '']}
      above={<NewWebhook onMade={hooks.reload} />}
      row={(hook) => (
        <tr key={hook.id}>
          <th scope="row" class="wrap">
            {hook.url}
          </th>
          <td>{dateTime(hook.createdMs)}</td>
          <td class="number">
            <button type="button" class="danger" onClick={() => remove(hook)} aria-label={`Remove ${hook.url}`}>
              Remove
            </button>
          </td>
        </tr>
      )}
    />
  );
}

function NewWebhook({ onMade }: { onMade: () => void }) {
  const [url, setUrl] = useState('');
  const [secret, setSecret] = useState<string | null>(null);
  const form = useSubmit(async () => {
    const made = await send<{ secret: string }>('POST', '/webhooks', { body: { url } });
    setSecret(made.secret);
    setUrl('');
    onMade();
  });
  return (
    <form class="form inset" onSubmit={form.submit} aria-label="New webhook">
      {secret !== null && <ShownOnce kind="secret" what="the secret of the signature" text={secret} />}
      <div class="columns">
        <TextField
          id="wh-url"
          label="Send alerts to"
          hint="A POST, signed in X-Evenkeel-Signature, tried again for a quarter of an hour."
          type="url"
          required
          fault={form.faultOf('url')}
          value={url}
          onInput={setUrl}
        />
      </div>
      <FormEnd form={form} save="Add address" />
    </form>
  );
}
