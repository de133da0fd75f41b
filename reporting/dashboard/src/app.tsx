import { useEffect, useState } from 'preact/hooks';
import { AlertsPage } from './alertspage.tsx';
import { Audiences } from './audiences.tsx';
import { CampaignPage } from './campaign.tsx';
import { get, type Me, send, session } from './client.ts';
import { Files } from './files.tsx';
import { setHomeZone } from './format.ts';
import { ImportPage } from './importpage.tsx';
import { Keys } from './keys.tsx';
import { closeLive, openLive } from './live.ts';
import { Login } from './login.tsx';
import { NewCampaign } from './newcampaign.tsx';
import { Operations } from './operations.tsx';
import { Overview } from './overview.tsx';
import { Reports } from './reports.tsx';
import { usePath } from './router.ts';
import { Shell } from './shell.tsx';

type State = 'starting' | 'out' | Me;

/** Takes a key out of the address (`#key=…`), where a printed link may carry it, before anything else can see it. */
function takeKey(): string | null {
  const match = /^#key=(.+)$/.exec(location.hash);
  if (match === null) return null;
  history.replaceState(null, '', location.pathname + location.search);
  return decodeURIComponent(match[1]!);
}

function showsLive(path: string): boolean {
  return path === '/' || /^\/campaigns\/\d/.test(path);
}

export function App() {
  const [state, setState] = useState<State>('starting');
  const [fault, setFault] = useState('');
  const path = usePath();

  const enter = (me: Me): void => {
    setHomeZone(me.timeZone);
    setState(me);
  };
  const leave = (): void => {
    closeLive();
    setState('out');
  };

  useEffect(() => {
    session.onEnd = leave;
    const key = takeKey();
    // Beside the question who this is, not after it.
    if (key === null && showsLive(path)) openLive();
    const start = key === null ? get<Me>('/me') : send<Me>('POST', '/session', { body: { key } });
    start.then(enter, (error: Error) => {
      if (key !== null) setFault(error.message);
      leave();
    });
  }, []);

  if (state === 'starting') return <div class="starting" role="status" aria-label="Loading" />;
  if (state === 'out') return <Login fault={fault} onLogin={enter} />;
  return (
    <Shell me={state} path={path} onLogout={leave}>
      <Page path={path} me={state} />
    </Shell>
  );
}

function Page({ path, me }: { path: string; me: Me }) {
  if (path === '/') return <Overview me={me} />;
  if (path === '/campaigns/new') return <NewCampaign me={me} />;
  if (path === '/reports') return <Reports me={me} />;
  if (path === '/alerts') return <AlertsPage me={me} />;
  if (path === '/import') return <ImportPage me={me} />;
  if (path === '/audiences') return <Audiences me={me} />;
  if (path === '/ad-files') return <Files me={me} />;
  if (path === '/keys' && me.role === 'operator') return <Keys />;
  if (path === '/operations' && me.role === 'operator') return <Operations />;
  const campaign = /^\/campaigns\/(\d+)$/.exec(path);
  if (campaign !== null) return <CampaignPage key={path} id={Number(campaign[1])} me={me} />;
  return (
    <section class="empty">
      <h1>There is no such page</h1>
      <p>
        <a href="/">Back to the overview</a>
      </p>
    </section>
  );
}
